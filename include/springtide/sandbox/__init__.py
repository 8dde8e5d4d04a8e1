"""The embedded cluster: a small, honest Kubernetes API whose pods answer HTTP on loopback addresses.

    api, store, writes …    the API server: a pure function of request, state and time
    validate, …rules        what it refuses, in the words of a real one
    controllers             the control plane: deterministic steps over the store and the time
    kubelet, probes …       the node: from a placed pod to its last process
    world                   core + timers: virtual time for simulations, real time for people and live load
    transport               lets the official Kubernetes client call the core in-process
    faults, history         what may go wrong at which call; what was called and what the endpoints were
    server, pods, proxy     the fronts: API over HTTP, HTTP pods, Services as TCP addresses
    load                    live load that counts every failure
    cluster                 all of it as one object: what `springtide sandbox` runs

Where it differs from a real Kubernetes, the real one is right; docs/sandbox.md lists the known differences.
"""
