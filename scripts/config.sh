#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Prints make variables for the libraries and tools of this machine, or one sentence for each that is missing.
set -eu
. "$(dirname "$0")/packages.sh"

modules=
missing=0
while read -r _ packages proof; do
	if ! proof_holds "$proof" "$packages"; then
		echo "config: missing: ${proof%%|*}, install the package ${packages%%|*}" >&2
		missing=1
		continue
	fi
	case $proof in
	pkg:*'|'*) ;; # of several ways: below
	pkg:*)
		module=${proof#pkg:}
		modules="$modules ${module%>=*}"
		;;
	esac
done <<END
$(package_lines build)
END
[ $missing = 0 ] || exit 1

newest() {
	for version in 19 20 21 18 17 16; do
		command -v "$1-$version" && return 0
	done
	command -v "$1"
}

# llhttp comes as a library, or (Debian 12) as C sources that are compiled in.
if pkg-config --exists libllhttp; then
	modules="$modules libllhttp"
	llhttp=
else
	llhttp=/usr/share/llhttp
fi
cat <<END
LIB_CFLAGS := $(pkg-config --cflags $modules) ${llhttp:+-I/usr/share/include/llhttp}
LIB_LIBS := $(pkg-config --libs $modules)
LLHTTP_SOURCES := $llhttp
LIBBPF_HEADERS := $(pkg-config --variable=includedir libbpf)
BPF_CLANG ?= $(newest clang)
BPF_STRIP ?= $(newest llvm-strip)
BPFTOOL ?= $(bpftool_find)
END
