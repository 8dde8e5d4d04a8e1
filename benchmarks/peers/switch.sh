#!/usr/bin/env bash
# Blue-green by kubectl, as a careful operator writes it: a second Deployment, wait, switch, wait, delete the first one.
#
#   switch.sh NAMESPACE REPLICAS SECONDS     SECONDS is how long the old pods are kept after the switch
set -euo pipefail

namespace=$1
replicas=$2
seconds=$3

k() { kubectl --namespace "$namespace" --request-timeout=30s "$@"; }

old=$(k get service web --output jsonpath='{.spec.selector.track}')
case $old in
blue) new=green ;;
green) new=blue ;;
*)
    echo "the Service web selects the track '$old'; blue or green is expected: look at it before you go on" >&2
    exit 1
    ;;
esac

# A copy of the live Deployment, so that what somebody changed in it is kept.
copy='[
  {"op": "replace", "path": "/metadata", "value": {"name": "web-'$new'", "labels": {"app": "web"}}},
  {"op": "replace", "path": "/spec/replicas", "value": '$replicas'},
  {"op": "replace", "path": "/spec/selector/matchLabels/track", "value": "'$new'"},
  {"op": "replace", "path": "/spec/template/metadata/labels/track", "value": "'$new'"},
  {"op": "remove", "path": "/status"}
]'
k get deployment "web-$old" --output json |
    kubectl patch --local --filename - --type json --patch "$copy" --output json |
    k create --filename -

if ! k rollout status "deployment/web-$new" --timeout=120s; then
    k delete deployment "web-$new" --wait=false
    exit 1
fi
k patch service web --type merge --patch '{"spec": {"selector": {"track": "'"$new"'"}}}'
sleep "$seconds"
kubectl --namespace "$namespace" delete deployment "web-$old" --cascade=foreground --timeout=120s
