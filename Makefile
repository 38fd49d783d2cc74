# weft: `make help` lists what can be made.
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

BUILD ?= build
PREFIX ?= /usr/local
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
MESH_DIR := /etc/weft/mesh
CC := gcc
ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
Q := $(if $(V),,@)
msg = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

ifneq ($(words $(BUILD)),1)
$(error BUILD is one path without spaces: make cannot name files in '$(BUILD)'. The sources may be in any folder)
endif
# nothing is written beside the sources
export PYTHONDONTWRITEBYTECODE := 1

# What this machine has (libraries, BPF compiler), written by scripts/config.sh after scripts/deps.sh has
# installed what is missing; make reads it and starts again.
ifneq ($(filter-out clean help deps deps-%,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell mkdir -p $(BUILD) 2>/dev/null && test -w $(BUILD) && echo yes),yes)
$(error Nothing can be written to $(BUILD): name another folder with BUILD=DIR)
endif
include $(BUILD)/config.mk
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
CFLAGS ?= $(if $(SAN),-O1 -g1,-O2 -g) # sanitized tests: as quick, and built in two thirds of the time
CPPFLAGS := -D_GNU_SOURCE -I. -I$(BUILD) $(LIB_CFLAGS)
override CFLAGS += -std=gnu11 $(WARN)
LDLIBS := $(LIB_LIBS) -lm -lpthread
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
ifdef SAN
override CFLAGS += $(SAN_FLAGS)
LDFLAGS += $(SAN_FLAGS)
endif
# What a program that reads foreign bytes has around it; sanitizers bring their own.
ifeq ($(SAN)$(FUZZ),)
CPPFLAGS += -D_FORTIFY_SOURCE=2
HARDENED := -fPIE -fstack-protector-strong -fstack-clash-protection $(if $(filter x86,$(ARCH)),-fcf-protection)
override CFLAGS += $(HARDENED)
override LDFLAGS += -pie -Wl,-z,relro -Wl,-z,now
endif
ifdef FUZZ
override CFLAGS += -fsanitize=fuzzer-no-link
endif
# What handles each record of the traffic is spread over many small files: weftd and the benches are optimized as a
# whole. Objects are good for both ways of linking; the quick one is for all other programs.
ifeq ($(CC)$(SAN)$(FUZZ),gcc)
LTO := -flto=auto -ffat-lto-objects
LTO_LINK := $(LTO) -w # each file had its warnings
QUICK_LINK := -fno-lto
endif

# ---- sources: by place and name, nothing is listed by hand
# the definition of the maps comes first: the linker leaves their offsets 0 when it meets references before it
BPF_SOURCES := $(sort $(wildcard bpf/*.bpf.c)) $(sort $(wildcard bpf/*/*.bpf.c))
ALL_SOURCES := $(sort $(wildcard base/*.c datapath/*/*.c datapath/attach/*/*.c mesh-config/*/*.c control/*.c control/*/*.c))
TESTS := $(filter %_test.c,$(ALL_SOURCES))
FUZZERS := $(filter %_fuzz.c,$(ALL_SOURCES))
MAINS := control/weftd.c control/cli/weft.c
LIBRARY := $(filter-out $(TESTS) $(FUZZERS) $(MAINS),$(ALL_SOURCES))
LIBRARY_OBJECTS := $(LIBRARY:%.c=$(BUILD)/%.o) $(if $(LLHTTP_SOURCES),$(addprefix $(BUILD)/llhttp/,llhttp.o api.o http.o))
PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(notdir $(wildcard $(MAINS))))

all: $(PROGRAMS) $(BUILD)/libweft.a ## build weftd and weft into build/ (V=1 shows commands, SAN=1 adds ASan and UBSan)

help: ## this list
	@sed -n 's/^\([a-z_.%-]*\):[^#]*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

# ---- what the distribution has to give
$(BUILD)/config.mk: scripts/packages scripts/packages.sh scripts/deps.sh scripts/config.sh
	@mkdir -p $(@D)
	@scripts/deps.sh $(BUILD)/deps.log build
	@scripts/config.sh > $@.tmp && mv $@.tmp $@

$(BUILD)/deps-%: scripts/packages scripts/packages.sh scripts/deps.sh
	@mkdir -p $(@D)
	@scripts/deps.sh $(BUILD)/deps.log build $*
	@touch $@

deps: deps-demo deps-test deps-bench deps-check deps-fuzz ## install with apt what building, demo, tests, bench and checks need

deps-demo deps-test deps-bench deps-check deps-deb deps-fuzz deps-image deps-kernels deps-fresh deps-service: deps-%:
	@mkdir -p $(BUILD) && chown --reference=Makefile $(BUILD) # as root for someone else: he will write there
	@scripts/deps.sh $(BUILD)/deps.log build $*

# ---- kernel half: each .bpf.c an object, linked to one, embedded as one skeleton
BPF_CFLAGS = -target bpf -D__TARGET_ARCH_$(ARCH) -O2 -g -mcpu=v3 -Wall -Wextra -Wno-unused-function \
	-Wno-unused-parameter -Wno-gnu-variable-sized-type-not-at-end -Wno-missing-declarations \
	-I. -nostdlibinc -isystem $(BUILD)/libbpf

# The object depends on the tree, the compiler and libbpf's headers; none of the kernel's is to be found.
$(BUILD)/libbpf: $(BUILD)/config.mk
	@mkdir -p $@
	@ln -sfn $(LIBBPF_HEADERS)/bpf $@/bpf

$(BUILD)/%.bpf.o: %.bpf.c $(BUILD)/config.mk | $(BUILD)/libbpf
	$(call msg,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) '-ffile-prefix-map=$(CURDIR)=.' -MD -MP -c $< -o $@
	$(Q)$(BPF_STRIP) -g $@

$(BUILD)/weft.bpf.o: $(BPF_SOURCES:%.c=$(BUILD)/%.o)
	$(call msg,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(BUILD)/weft.skel.h: $(BUILD)/weft.bpf.o
	$(call msg,SKELETON,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name weft_bpf > $@

# ---- user half
$(BUILD)/llhttp/%.o: $(LLHTTP_SOURCES)/%.c
	$(call msg,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -g $(HARDENED) $(LTO) $(LIB_CFLAGS) -c $< -o $@

$(BUILD)/%.o: %.c | $(BUILD)/weft.skel.h
	$(call msg,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LTO) -MD -MP -c $< -o $@

$(BUILD)/libweft.a: $(LIBRARY_OBJECTS)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/weftd: $(BUILD)/control/weftd.o $(BUILD)/libweft.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LTO_LINK) $(LDFLAGS) $^ -o $@ $(LDLIBS)

$(BUILD)/weft: $(BUILD)/control/cli/weft.o $(BUILD)/libweft.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(QUICK_LINK) $(LDFLAGS) $^ -o $@ $(LDLIBS)

$(BUILD)/%_test: $(BUILD)/%_test.o $(BUILD)/libweft.a | $(BUILD)/deps-test
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(QUICK_LINK) $(LDFLAGS) $^ -o $@ $(LDLIBS) -lcmocka

$(BUILD)/datapath/observe/tls_%_test: LDLIBS += -lssl # real handshakes
$(BUILD)/datapath/decode/tls_compressed_test: LDLIBS += -lbrotlienc

$(BUILD)/%_fuzz: $(BUILD)/%_fuzz.o $(BUILD)/libweft.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) $^ -o $@ $(LDLIBS)

$(BUILD)/bench/agent_bench: LDLIBS += -lssl # records real handshakes

$(BUILD)/bench/%_bench: $(BUILD)/bench/%_bench.o $(BUILD)/libweft.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LTO_LINK) $(LDFLAGS) $^ -o $@ $(LDLIBS)

# ---- to show, to test
demo: all $(BUILD)/deps-demo ## real servers, real load, weftd beside them and the table of golden signals (DEMO_SECONDS=n)
	@demo/run --build $(BUILD)

test: all $(BUILD)/deps-demo $(BUILD)/deps-test ## unit tests and integration tests, one summary (ONLY=pattern, DEBUG=1)
	@$(if $(filter unit/%,$(ONLY)),,[ "$$(id -u)" = 0 ] || { echo "The integration tests make network namespaces and load BPF programs: root is needed ('sudo make test'; 'make unit' does without)." >&2; exit 1; })
	@$(MAKE) --no-print-directory SAN=1 BUILD=$(BUILD)/san tests $(if $(ONLY),UNIT_TESTS="$$(integration/run --unit-sources --only '$(ONLY)')")
	@BPFTOOL=$(BPFTOOL) integration/run --build $(BUILD) $(if $(ONLY),--only '$(ONLY)')

bench: all $(BUILD)/deps-bench ## what weft costs beside bare and proxies: table, plots (BENCH_ROUNDS=n BENCH_SECONDS=n BENCH_ONLY=workload,... BENCH_VARIANTS=name,...)
	@bench/run --build $(BUILD)

bench-reaction: all $(BUILD)/deps-bench ## how soon weftd is ready, loads a mesh, has a change in force, refuses a file, ends connections: against bars (BENCH_ROUNDS=n)
	@bench/reaction --build $(BUILD)

bench-%: $(BUILD)/bench/%_bench ## one measurement, with a table of its own: agent, capture_cost, mesh_compile, mesh_config, mesh_connect, observe, redirect
	@$<

unit: tests ## unit tests alone (of this build: SAN=1 BUILD=build/san for sanitizers)
	@integration/run --build $(BUILD) --unit-build $(BUILD) --only 'unit/*'

UNIT_TESTS ?= $(TESTS)
tests: $(UNIT_TESTS:%.c=$(BUILD)/%)
	@:

fuzz: $(BUILD)/deps-fuzz ## each fuzz target for FUZZ_SECONDS (default 5) from its corpus
	@$(MAKE) --no-print-directory SAN=1 FUZZ=1 CC=clang-19 BUILD=$(BUILD)/fuzz fuzzers
	@checks/fuzz --build $(BUILD)/fuzz --seconds $(or $(FUZZ_SECONDS),5)

fuzzers: $(FUZZERS:%.c=$(BUILD)/%)

check: $(BUILD)/deps-check $(BUILD)/deps-fuzz $(BUILD)/compile_commands.json ## every gate of the style: format, includes, length, lint, ABI, verifier budget and stack, docs, unit, fuzz, BPF object
	@BUILD=$(BUILD) checks/run $(GATES)

kernels: all $(BUILD)/deps-demo $(BUILD)/deps-kernels ## weft beside real servers on the kernels that this distribution packages, in QEMU (KERNELS="6.1 ...")
	@BUILD=$(BUILD) checks/kernels $(KERNELS)

fresh: $(BUILD)/deps-fresh ## does it build and run where nothing was installed? Minimal roots of Debian 12 and 13 (FRESH="SUITE..."; checks/fresh --help)
	@BUILD=$(BUILD) checks/fresh $(FRESH)

service: $(BUILD)/deps-service $(if $(KERNELS),$(BUILD)/deps-kernels) ## does the installed service do its work under a real systemd? Debian 13 in a container, or on other kernels (KERNELS="6.1 ...")
	@BUILD=$(BUILD) checks/service $(KERNELS)

compile_commands.json: $(BUILD)/compile_commands.json ## for clang-tidy and editors
	@ln -sf $< $@

$(BUILD)/compile_commands.json: $(BUILD)/config.mk $(ALL_SOURCES) $(BPF_SOURCES) $(BUILD)/weft.skel.h
	@checks/compile-commands '$(CC) $(CPPFLAGS:-I$(BUILD)=-isystem$(BUILD)) $(CFLAGS)' '$(BPF_CLANG) $(BPF_CFLAGS)' $(ALL_SOURCES) $(BPF_SOURCES) > $@

install: all ## to PREFIX (/usr/local), below DESTDIR if given
	install -D -m 755 $(BUILD)/weftd "$(DESTDIR)$(PREFIX)/sbin/weftd"
	install -D -m 755 $(BUILD)/weft "$(DESTDIR)$(PREFIX)/bin/weft"
	install -d "$(DESTDIR)$(UNIT_DIR)" "$(DESTDIR)$(MESH_DIR)"
	sed 's#@PREFIX@#$(PREFIX)#; s#@MESH_DIR@#$(MESH_DIR)#' deploy/weftd.service > "$(DESTDIR)$(UNIT_DIR)/weftd.service"

# What is attached goes first; mesh configuration that an operator wrote stays.
uninstall: ## take away what install has put in place, what is attached, and the apt files of `make`
	$(if $(DESTDIR),,! command -v systemctl > /dev/null || systemctl disable --now weftd.service 2> /dev/null || true)
	$(if $(DESTDIR),,! test -x $(PREFIX)/bin/weft || $(PREFIX)/bin/weft detach)
	rm -f "$(DESTDIR)$(PREFIX)/sbin/weftd" "$(DESTDIR)$(PREFIX)/bin/weft" "$(DESTDIR)$(UNIT_DIR)/weftd.service"
	rm -f "$(DESTDIR)/etc/apt/sources.list.d/weft-backports.sources" "$(DESTDIR)/etc/apt/preferences.d/weft-backports"
	rmdir --ignore-fail-on-non-empty --parents "$(DESTDIR)$(MESH_DIR)" 2> /dev/null || true

deb: $(BUILD)/deps-deb ## the Debian package, with lintian's word on it, into BUILD/deb/
	@deploy/deb $(BUILD)

image: deb $(BUILD)/deps-image ## a container image with the package in it, into BUILD/ and the local store (docs/container.md)
	@deploy/image $(BUILD)

image-check: image $(BUILD)/deps-demo ## the image run in podman: what is missing is said, HTTPS of the node is counted
	@BUILD=$(BUILD) checks/image

clean: ## remove everything that was built
	rm -rf $(BUILD) compile_commands.json

-include $(patsubst %.o,%.d,$(shell find $(BUILD) -path $(BUILD)/fresh -prune -o -name '*.o' -print 2>/dev/null))
.PHONY: all help deps deps-demo deps-test deps-bench deps-check deps-deb deps-fuzz deps-kernels deps-fresh deps-image deps-service demo test bench bench-reaction unit tests fuzz fuzzers check kernels fresh service install uninstall deb image image-check clean
.PRECIOUS: $(BUILD)/%.o $(BUILD)/%.bpf.o $(BUILD)/llhttp/%.o
