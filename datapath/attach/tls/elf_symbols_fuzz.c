// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzz target: ELF files that are almost right. The input is laid over a small valid library with
 * exclusive or, what is longer is appended; the file is read through a descriptor, as in
 * production. */
#include "datapath/attach/tls/elf_symbols.h"

#include <assert.h>
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	Elf64_Shdr sections[3]; /* none, symbols, strings */
	Elf64_Sym symbols[3];
	char strings[24];
	uint8_t code[16];
};

#define AT(member) offsetof(struct image, member)

static const struct image valid = {
	.header =
		{
			.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				    EV_CURRENT},
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = AT(segment),
			.e_shoff = AT(sections),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 3,
		},
	.segment =
		{
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_filesz = sizeof(struct image),
			.p_memsz = sizeof(struct image),
		},
	.sections =
		{
			[1] = {.sh_type = SHT_DYNSYM,
			       .sh_offset = AT(symbols),
			       .sh_size = 3 * sizeof(Elf64_Sym),
			       .sh_link = 2,
			       .sh_info = 1,
			       .sh_addralign = 8,
			       .sh_entsize = sizeof(Elf64_Sym)},
			[2] = {.sh_type = SHT_STRTAB,
			       .sh_offset = AT(strings),
			       .sh_size = 24,
			       .sh_addralign = 1},
		},
	.symbols =
		{
			[1] = {.st_name = 16, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC)},
			[2] = {.st_name = 1,
			       .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			       .st_shndx = 1,
			       .st_value = AT(code),
			       .st_size = 16},
		},
	.strings = "\0EVP_KDF_derive\0malloc",
	.code = {0x48, 0x85, 0xff, 0x74, 0x13},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	size_t over = size_bytes < sizeof(valid) ? size_bytes : sizeof(valid);
	int fd = memfd_create("elf", MFD_CLOEXEC);
	struct elf_function f = {0};
	uint8_t bytes[sizeof(valid)];
	bool written;

	if (fd < 0)
		return 0;
	memcpy(bytes, &valid, sizeof(valid));
	for (size_t i = 0; i < over; i++)
		bytes[i] ^= data[i];
	written = write(fd, bytes, sizeof(bytes)) == sizeof(bytes) &&
		  write(fd, data + over, size_bytes - over) == (ssize_t)(size_bytes - over);
	if (written && !elf_function_find(fd, "EVP_KDF_derive", &f, NULL))
		assert(f.file_offset < sizeof(valid) + size_bytes - over);
	else
		assert(size_bytes); /* as it is, the library is right */
	close(fd);
	return 0;
}
