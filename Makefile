# weft: `make help` lists what can be made.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

BUILD ?= build
CC := gcc
BPF_CLANG ?= $(firstword $(foreach v,19 20 18 17 16 15 14,$(shell command -v clang-$(v) 2>/dev/null)) clang)
BPF_STRIP ?= $(subst clang,llvm-strip,$(BPF_CLANG))
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
TRIPLE := $(shell $(CC) -dumpmachine)
Q := $(if $(V),,@)
msg = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)')

LIBS := libbpf libxdp libelf libnl-3.0 libnl-route-3.0 libcrypto libnghttp2 libmicrohttpd ncursesw jansson libcurl libxxhash libcap-ng libseccomp
LLHTTP := /usr/share/llhttp
LLHTTP_CFLAGS := -I/usr/share/include/llhttp
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu11 -D_GNU_SOURCE $(WARN) -I. -I$(BUILD) $(LLHTTP_CFLAGS) $(shell pkg-config --cflags $(LIBS)) -MMD -MP
LDLIBS := $(shell pkg-config --libs $(LIBS)) -lm -lpthread
ifdef SAN
override CFLAGS += -fsanitize=address,undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif

# ---- sources: by place and name, nothing is listed by hand
BPF_SOURCES := $(sort $(wildcard bpf/*.bpf.c bpf/*/*.bpf.c))
ALL_SOURCES := $(sort $(wildcard base/*.c datapath/*/*.c mesh-config/*.c control/*.c control/*/*.c))
TESTS := $(filter %_test.c,$(ALL_SOURCES))
FUZZERS := $(filter %_fuzz.c,$(ALL_SOURCES))
MAINS := control/weftd.c control/cli/weft.c
LIBRARY := $(filter-out $(TESTS) $(FUZZERS) $(MAINS),$(ALL_SOURCES))
LIBRARY_OBJECTS := $(LIBRARY:%.c=$(BUILD)/%.o) $(BUILD)/llhttp/llhttp.o $(BUILD)/llhttp/api.o $(BUILD)/llhttp/http.o

all: $(patsubst control/%,$(BUILD)/%,$(patsubst %.c,%,$(subst cli/,,$(wildcard $(MAINS)))))

# ---- kernel half: each .bpf.c an object, linked to one, embedded as one skeleton
BPF_CFLAGS := -target bpf -D__TARGET_ARCH_$(ARCH) -O2 -g -mcpu=v3 -Wall -Wextra -Wno-unused-function -Wno-missing-declarations -I. -idirafter /usr/include/$(TRIPLE) -ffile-prefix-map=$(CURDIR)=. -MMD -MP

$(BUILD)/%.bpf.o: %.bpf.c
	$(call msg,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)$(BPF_STRIP) -g $@

$(BUILD)/weft.bpf.o: $(BPF_SOURCES:%.c=$(BUILD)/%.o)
	$(call msg,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(BUILD)/weft.skel.h: $(BUILD)/weft.bpf.o
	$(call msg,SKELETON,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name weft_bpf > $@

# ---- user half
$(BUILD)/llhttp/%.o: $(LLHTTP)/%.c
	$(call msg,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -g -fPIC $(LLHTTP_CFLAGS) -c $< -o $@

$(BUILD)/%.o: %.c | $(BUILD)/weft.skel.h
	$(call msg,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -c $< -o $@

$(BUILD)/libweft.a: $(LIBRARY_OBJECTS)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/weftd: $(BUILD)/control/weftd.o $(BUILD)/libweft.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)

$(BUILD)/weft: $(BUILD)/control/cli/weft.o $(BUILD)/libweft.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS)

$(BUILD)/%_test: $(BUILD)/%_test.o $(BUILD)/libweft.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -o $@ $(LDLIBS) -lcmocka

unit: $(TESTS:%.c=$(BUILD)/%)
	@for t in $^; do $$t || exit 1; done

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all unit clean
.SECONDARY:
