// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A small library with a key log, overwritten by the input: every result must lie in the file. */
#include "datapath/attach/tls/keylog_site.h"

#include <assert.h>
#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOAD_AND_CALL_BYTES 12

/* In |callers|, the exporter's is followed by the call for all other names. */
struct library {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	char exporter[16];
	char master[16];
	uint8_t callers[3][LOAD_AND_CALL_BYTES];
	uint8_t function[64];
};

/* mov rdi,rax; mov rdx,r8; mov rsi,rdi; mov rcx,r9; lea 352(rax),rdx; mov $32,ecx; mov rax,rsi */
static const uint8_t function[] = {0x48, 0x89, 0xf8, 0x49, 0x89, 0xd0, 0x48, 0x89, 0xf7, 0x49,
				   0x89, 0xc9, 0x48, 0x8d, 0x90, 0x60, 0x01, 0x00, 0x00, 0xb9,
				   0x20, 0x00, 0x00, 0x00, 0x48, 0x89, 0xc6, 0xe9};

/* lea name(%rip),%rsi, or mov (%rsp),%rsi for no name; call function */
static void write_caller(struct library *l, int which, size_t name)
{
	static const uint8_t no_name[] = {0x48, 0x8b, 0x34, 0x24, 0x0f, 0x1f};
	uint8_t *at = l->callers[which];
	size_t here = offsetof(struct library, callers) + (size_t)which * LOAD_AND_CALL_BYTES;
	int32_t load = (int32_t)(name - (here + 7));
	int32_t call = (int32_t)(offsetof(struct library, function) - (here + LOAD_AND_CALL_BYTES));

	memcpy(at, no_name, sizeof(no_name));
	at[sizeof(no_name)] = 0;
	if (name) {
		memcpy(at, "\x48\x8d\x35", 3);
		memcpy(at + 3, &load, sizeof(load));
	}
	at[7] = 0xe8;
	memcpy(at + 8, &call, sizeof(call));
}

static void build(struct library *l)
{
	memset(l, 0, sizeof(*l));
	memcpy(l->header.e_ident, ELFMAG, SELFMAG);
	l->header.e_ident[EI_CLASS] = ELFCLASS64;
	l->header.e_machine = EM_X86_64;
	l->header.e_phentsize = sizeof(Elf64_Phdr);
	l->header.e_phnum = 1;
	l->header.e_phoff = offsetof(struct library, segment);
	l->segment.p_type = PT_LOAD;
	l->segment.p_flags = PF_R | PF_X;
	l->segment.p_filesz = sizeof(*l);
	memcpy(l->exporter, "EXPORTER_SECRET", 16);
	memcpy(l->master, "CLIENT_RANDOM", 14);
	write_caller(l, 0, offsetof(struct library, exporter));
	write_caller(l, 1, 0);
	write_caller(l, 2, offsetof(struct library, master));
	memcpy(l->function, function, sizeof(function));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);
	struct library library;
	uint8_t bytes[sizeof(library)];
	struct keylog_sites sites = {0};

	if (fd < 0)
		return 0;
	build(&library);
	memcpy(bytes, &library, sizeof(bytes));
	for (size_t i = 0; i < size_bytes && i < sizeof(bytes); i++)
		bytes[i] ^= data[i];
	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		assert(0);
	if (keylog_sites_find(fd, &sites, NULL))
		assert(size_bytes); /* as it is, they are found */
	for (unsigned i = 0; i < sites.count; i++)
		assert(sites.offsets[i] < sizeof(bytes));
	keylog_names_tls(fd);
	close(fd);
	return 0;
}
