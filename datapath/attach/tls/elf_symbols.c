// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Looks up an exported function with libelf, after checking fields that libelf trusts. */
#include "datapath/attach/tls/elf_symbols.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#if __BYTE_ORDER == __LITTLE_ENDIAN
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

static void end_elf(Elf **elf)
{
	elf_end(*elf);
}

/* libelf allocates memory for as many sections as the header claims. */
static int check_header(int fd, Elf64_Ehdr *ret, struct error *err)
{
	Elf64_Ehdr h;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		return error_set(err, -ENOEXEC, "not an ELF file");
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != NATIVE_DATA)
		return error_set(err, -ENOEXEC, "an ELF file of another word size or byte order");
	if (h.e_shentsize != sizeof(Elf64_Shdr) || h.e_phentsize != sizeof(Elf64_Phdr) ||
	    !h.e_shnum || !h.e_phnum)
		return error_set(err, -ENOEXEC, "an ELF file without sections or segments");
	if (h.e_shnum > ELF_SECTIONS_MAX || h.e_phnum > ELF_SEGMENTS_MAX)
		return error_set(err, -E2BIG, "an ELF file with %u sections and %u segments",
				 h.e_shnum, h.e_phnum);
	*ret = h;
	return 0;
}

/* The bytes of a section as they are in the file, or NULL. */
static const Elf_Data *section_bytes(Elf_Scn *section, uint64_t max_bytes, int *ret_code)
{
	GElf_Shdr header;
	const Elf_Data *data;

	*ret_code = -ENOEXEC;
	if (!section || !gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
		return NULL;
	if (header.sh_size > max_bytes) {
		*ret_code = -E2BIG;
		return NULL;
	}
	data = elf_rawdata(section, NULL);
	return data && data->d_buf && data->d_size ? data : NULL;
}

static Elf_Scn *find_dynamic_symbols(Elf *elf, GElf_Shdr *ret_header)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, ret_header) && ret_header->sh_type == SHT_DYNSYM)
			return section;
	return NULL;
}

static bool symbol_is(const Elf64_Sym *symbol, const Elf_Data *strings, const char *name)
{
	size_t bytes = strlen(name) + 1;

	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_name < strings->d_size &&
	       strings->d_size - symbol->st_name >= bytes &&
	       !memcmp((const char *)strings->d_buf + symbol->st_name, name, bytes);
}

static int find_symbol(Elf *elf, const char *name, Elf64_Sym *ret, struct error *err)
{
	GElf_Shdr header;
	Elf_Scn *section = find_dynamic_symbols(elf, &header);
	const Elf_Data *symbols, *strings;
	bool imported = false;
	int code;

	if (!section)
		return error_set(err, -ENOENT, "no dynamic symbols");
	symbols = section_bytes(section, ELF_SYMBOLS_MAX_BYTES, &code);
	if (!symbols)
		return error_set(err, code, "unreadable or too large symbol table");
	strings = section_bytes(elf_getscn(elf, header.sh_link), ELF_STRINGS_MAX_BYTES, &code);
	if (!strings)
		return error_set(err, code, "unreadable or too large string table");
	for (size_t at = 0; at + sizeof(*ret) <= symbols->d_size; at += sizeof(*ret)) {
		Elf64_Sym symbol;

		memcpy(&symbol, (const char *)symbols->d_buf + at, sizeof(symbol));
		if (!symbol_is(&symbol, strings, name))
			continue;
		if (symbol.st_shndx != SHN_UNDEF) {
			*ret = symbol;
			return 0;
		}
		imported = true;
	}
	return error_set(err, imported ? -ENOLINK : -ENOENT, "does not export %s", name);
}

/* Translates an image address to a file offset within an executable segment. */
static int place_in_file(Elf *elf, unsigned segments, uint64_t address, uint64_t *ret_offset)
{
	for (unsigned i = 0; i < segments; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD || !(p.p_flags & PF_X))
			continue;
		if (address < p.p_vaddr || address - p.p_vaddr >= p.p_filesz)
			continue;
		if (p.p_offset > INT64_MAX || address - p.p_vaddr > INT64_MAX - p.p_offset)
			continue;
		*ret_offset = address - p.p_vaddr + p.p_offset;
		return 0;
	}
	return -ENOEXEC;
}

int elf_function_find(int fd, const char *name, struct elf_function *ret, struct error *err)
{
	Elf *elf cleanup(end_elf) = NULL;
	Elf64_Ehdr header = {0};
	Elf64_Sym symbol = {0};
	uint64_t offset = 0;
	char first;
	int r;

	r = check_header(fd, &header, err);
	if (r)
		return r;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return error_set(err, -EIO, "libelf is too old");
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return error_set(err, -ENOEXEC, "%s", elf_errmsg(-1));
	r = find_symbol(elf, name, &symbol, err);
	if (r)
		return r;
	r = place_in_file(elf, header.e_phnum, symbol.st_value, &offset);
	if (r || pread(fd, &first, 1, (off_t)offset) != 1)
		return error_set(err, -ENOEXEC, "%s is not in the file's code", name);
	*ret = (struct elf_function){offset, symbol.st_size, header.e_machine};
	return 0;
}
