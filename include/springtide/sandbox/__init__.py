"""The embedded cluster: a small, honest Kubernetes API whose pods answer HTTP on loopback addresses.

    api, store, kinds …     the API server: a pure function of request, state and time
    controllers, kubelet    the control plane and the node: deterministic steps over the store and the time
    world                   core + timers: virtual time for simulations, real time for people and live load
    transport               lets the official Kubernetes client call the core in-process
    faults, history         what may go wrong at which call; what was called and what the endpoints were
    server, pods, proxy     the fronts: API over HTTP, HTTP pods, Services as TCP addresses
    load                    live load that counts every failure
    cluster                 all of it as one object: what `springtide sandbox` runs

Where it differs from a real Kubernetes, the real one is right; docs/sandbox.md lists the known differences.
"""
