#!/usr/bin/env bash
# patch_minimum.sh REPLICAS NAMESPACE/NAME...
# Raises the minimum of one HPA after the other, then waits until every Deployment has rolled out.
set -euo pipefail
replicas=$1
shift
for each in "$@"; do
  kubectl --namespace "${each%/*}" patch hpa "${each#*/}" --type merge --patch "{\"spec\": {\"minReplicas\": $replicas}}"
done
for each in "$@"; do
  kubectl --namespace "${each%/*}" wait "deployment/${each#*/}" --timeout=300s --for="jsonpath={.status.readyReplicas}=$replicas"
done
