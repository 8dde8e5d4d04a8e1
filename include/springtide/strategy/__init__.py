"""How the replicas get from one number to another: one strategy per file, each a pure decision, behind one Protocol."""
