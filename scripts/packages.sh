# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Read by deps.sh and config.sh: what scripts/packages says and how its proofs are tried.

PATH=$PATH:/usr/sbin:/sbin
package_table=$(dirname "$0")/../scripts/packages

# Prints the lines of the groups named as arguments, without comments.
package_lines() {
	awk -v groups=" $* " '!/^#/ && NF == 3 && index(groups, " " $1 " ")' "$package_table"
}

# Prints a bpftool that runs: the one on the PATH, or one of those that Ubuntu keeps beside its kernels.
bpftool_find() {
	for tool in bpftool /usr/lib/linux-tools/*/bpftool /usr/lib/linux-tools-*/bpftool; do
		if "$tool" version >/dev/null 2>&1; then
			command -v "$tool"
			return 0
		fi
	done
	return 1
}

# bpftool_fits VERSION
bpftool_fits() {
	tool=$(bpftool_find) || return 1
	have=$("$tool" version | sed -n 's/^.*bpftool v\([0-9.]*\).*/\1/p')
	[ "$(printf '%s\n%s\n' "$1" "$have" | sort -V | head -n 1)" = "$1" ]
}

# proof_holds PROOF PACKAGES: is the thing there?
proof_holds() {
	for proof in $(echo "$1" | tr '|' ' '); do
		case $proof in
		cmd:*) command -v "${proof#cmd:}" >/dev/null && return 0 ;;
		file:*) [ -e "${proof#file:}" ] && return 0 ;;
		pkg:*'>='*)
			module=${proof#pkg:}
			pkg-config --atleast-version="${module#*>=}" "${module%>=*}" 2>/dev/null && return 0
			;;
		pkg:*) pkg-config --exists "${proof#pkg:}" 2>/dev/null && return 0 ;;
		bpftool'>='*) bpftool_fits "${proof#*>=}" && return 0 ;;
		dpkg)
			for package in $(echo "$2" | tr '|' ' '); do
				[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] &&
					return 0
			done
			;;
		esac
	done
	return 1
}
