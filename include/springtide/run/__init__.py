"""One run: its phases as plain functions, the Lease that holds it in the cluster, and the fence before every write."""
