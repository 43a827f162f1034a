#!/usr/bin/env bash
# 让网格平台模拟器的人员办一件案卷:上报、移交,等对方送来核查,核查,结案。
# Lets the grid simulator's people take a case through its life: report, hand over, wait for the verification request, verify, close.
#
# 用法 usage:  DUIJIE_CONTROL_TOKEN=… bash case_life.sh http://127.0.0.1:8111 [驳回次数 rejections]
set -euo pipefail

port=$1
rejections=${2:-0}

ask() { curl -sSf -H "Authorization: Bearer $DUIJIE_CONTROL_TOKEN" "$port/$1" "${@:2}"; }
act() { ask "acts/$1" -H 'Content-Type: application/json' -d "$2"; }
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# 等到案卷进入所给状态。Wait until the case is in this state.
reach() {
    for _ in $(seq 300); do
        state=$(ask "asks/case?case=$case" | field state)
        if [ "$state" = "$1" ]; then echo "$case $state"; return; fi
        sleep 0.1
    done
    echo "$case 停在 stays in $state" >&2
    return 1
}

case=$(act worker.report "{\"category\": \"01\", \"subcategory\": \"02\", \"description\": \"路边垃圾堆放 $RANDOM\", \"photos\": [\"roadside\"]}" | field case)
act workstation.hand_over "{\"case\": \"$case\"}" >/dev/null
for _ in $(seq "$rejections"); do
    reach awaiting_verification
    act worker.verify "{\"case\": \"$case\", \"outcome\": \"not_passed\", \"photos\": [\"still there\"]}" >/dev/null
    act workstation.reject "{\"case\": \"$case\", \"reason\": \"仍有垃圾\"}" >/dev/null
done
reach awaiting_verification
act worker.verify "{\"case\": \"$case\", \"outcome\": \"passed\", \"photos\": [\"clean\"]}" >/dev/null
act workstation.close "{\"case\": \"$case\"}" >/dev/null
reach closed
