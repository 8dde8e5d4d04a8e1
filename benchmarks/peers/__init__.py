"""Fresh pods for another number of replicas: springtide beside Argo Rollouts and a kubectl script, on one cluster."""
