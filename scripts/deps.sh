#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Installs what is missing of scripts/packages with apt. Usage: deps.sh LOGFILE GROUP...
set -eu
. "$(dirname "$0")/packages.sh"
log=$1
shift
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l

say() { echo "deps: $*"; }
fail() {
	say "$*" >&2
	exit 1
}

# Alternatives of each package that is missing, one a line.
missing() {
	package_lines "$@" | while read -r _ packages proof; do
		proof_holds "$proof" "$packages" || echo "$packages"
	done | sort -u
}

has_candidate() {
	apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [^(]'
}

# The first alternative that the distribution has, else the first.
choose() {
	for package in $(echo "$1" | tr '|' ' '); do
		if has_candidate "$package"; then
			echo "$package"
			return
		fi
	done
	echo "${1%%|*}"
}

# What a user has to run for these groups.
as_root() {
	targets=
	for group; do
		[ "$group" = build ] || targets="$targets deps-$group"
	done
	echo "sudo make${targets:- deps}"
}

# Where this machine has Debian 12 from: backports come from the same place.
bookworm_site() {
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 2>/dev/null | sed -n 's/^bookworm //p' | head -n 1
}

# Debian 12's libbpf and bpftool are too old: bookworm-backports has newer ones. A suite that the
# administrator enabled already is used as it is; otherwise it is opened for these packages alone.
backports_enable() {
	apt-get indextargets --format '$(RELEASE)' 2>/dev/null | grep -qx bookworm-backports && return 0
	site=$(bookworm_site)
	[ -n "$site" ] || { apt_get update && site=$(bookworm_site); } || true
	[ -n "$site" ] || fail "no source of Debian 12 (bookworm) is set up in apt; set it up, or enable bookworm-backports"
	cat >/etc/apt/sources.list.d/weft-backports.sources <<-END
		Types: deb
		URIs: $site
		Suites: bookworm-backports
		Components: main
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
	cat >/etc/apt/preferences.d/weft-backports <<-END
		Package: *
		Pin: release n=bookworm-backports
		Pin-Priority: -1

		Package: libbpf-dev libbpf1 bpftool
		Pin: release n=bookworm-backports
		Pin-Priority: 500
	END
}

# Names with the suite they must come from.
with_suite() {
	for package; do
		case $package in
		libbpf-dev) echo libbpf-dev/bookworm-backports libbpf1/bookworm-backports ;;
		bpftool) echo bpftool/bookworm-backports ;;
		*) echo "$package" ;;
		esac
	done
}

# Packages with servers in them must not start one: neither now nor at the next boot.
services_forbid() {
	[ -e /usr/sbin/policy-rc.d ] && return 0
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	chmod 755 /usr/sbin/policy-rc.d
}

services_disable() {
	command -v systemctl >/dev/null || return 0
	for package; do
		dpkg -L "${package%/*}" 2>/dev/null | sed -n 's|.*/systemd/system/\([^/@]*\.service\)$|\1|p'
	done | while read -r unit; do
		systemctl disable --quiet "$unit" 2>/dev/null || true
	done
}

wanted=$(missing "$@")
[ -n "$wanted" ] || exit 0
command -v apt-get >/dev/null ||
	fail "there is no apt-get here; install the likes of: $(echo $wanted)"
[ "$(id -u)" = 0 ] ||
	fail "root is needed to install what is missing ($(echo $wanted)): run '$(as_root "$@")' once."

mkdir -p "$(dirname "$log")"
: >"$log"
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
apt_get() { apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1 </dev/null; }

case "$codename $wanted" in
bookworm*libbpf-dev* | bookworm*bpftool*) backports_enable ;;
esac
apt_get update || say "apt-get update failed, going on with the package lists that are here ($log)" >&2
install=
for alternatives in $wanted; do
	install="$install $(choose "$alternatives")"
done
[ "$codename" = bookworm ] && install=$(with_suite $install)
say "installing with apt:" $install "(log: $log)"
services_forbid
apt_get install -y --no-install-recommends $install || {
	tail -n 20 "$log" >&2
	fail "apt could not install what is missing, see $log"
}
services_disable $install
left=$(missing "$@")
[ -z "$left" ] || fail "still missing after the installation: $(echo $left)"
