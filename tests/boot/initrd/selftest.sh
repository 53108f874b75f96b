#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What a guest does all day, once, with the answers checked: processes, files,
# pipes, and what bin/selftest does in C (threads, floating point, signals,
# memory maps, debug registers). The last line that it prints is the verdict,
# "SELFTEST PASS" or "SELFTEST FAIL: why".

export PATH=/bin:/sbin:/usr/bin:/usr/sbin

step() {
	read -r up rest </proc/uptime
	echo "selftest: $up $*"
}

fail() {
	echo "SELFTEST FAIL: $*"
	exit 1
}

expect() {
	[ "$2" = "$3" ] || fail "$1: $2 instead of $3"
}

step "200 processes, one after the other"
i=0
while [ $i -lt 200 ]; do
	/bin/busybox true || fail "process $i"
	i=$((i + 1))
done

step "20 processes at once"
i=0
while [ $i -lt 20 ]; do
	(/bin/busybox echo $i >/tmp/child.$i) &
	i=$((i + 1))
done
wait
expect "children" "$(cat /tmp/child.* | sort -n | tr '\n' ' ')" \
	"0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 "

step "dd and md5sum"
dd if=/dev/zero of=/tmp/zero bs=64k count=128 2>/dev/null || fail "dd"
set -- $(md5sum /tmp/zero)
expect "md5sum of 8 MiB zeros" "$1" 96995b58d4cbf6aaa9041b4f00c7f6ae
dd if=/bin/busybox of=/tmp/busybox bs=1000 2>/dev/null || fail "dd"
cmp /bin/busybox /tmp/busybox || fail "a copied file differs"
chmod +x /tmp/busybox
expect "the copied program" "$(/tmp/busybox echo yes)" yes
rm /tmp/zero /tmp/busybox

step "md5sum of the ramdisk's files"
md5sum -c -s /etc/md5sums || fail "a file of the ramdisk is damaged"

step "pipes"
set -- $(seq 1 20000 | sort -rn | tail -n 1 | cat | cat)
expect "pipe" "$1" 1
expect "gzip through a pipe" \
	"$(gzip -c /bin/busybox | gunzip -c | md5sum | cut -c 1-32)" \
	"$(md5sum </bin/busybox | cut -c 1-32)"

step "the clock"
before=$(date +%s)
sleep 2
after=$(date +%s)
passed=$((after - before))
[ $passed -ge 1 ] && [ $passed -le 10 ] || fail "sleep 2 took $passed s"

for test in $(/bin/selftest); do
	step "$test"
	/bin/selftest "$test" || fail "$test"
done

step "the kernel's log"
# The one WARNING with an address tells about the processor, on bare machines
# as well.
dmesg | grep -v 'Return Stack Overflow: WARNING: See' >/tmp/dmesg
if grep -E 'BUG|WARNING|Call Trace|Oops|general protection|rcu.*stall' \
	/tmp/dmesg; then
	fail "the kernel complained"
fi
step "done"
echo "SELFTEST PASS"
