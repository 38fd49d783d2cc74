// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzz target: any bytes as an ELF file, through the file descriptor as in production. */
#include "datapath/attach/elf_symbols.h"

#include <assert.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct elf_function f = {0};
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd < 0)
		return 0;
	if (write(fd, data, size_bytes) == (ssize_t)size_bytes &&
	    !elf_function_find(fd, "EVP_KDF_derive", &f, NULL))
		assert(f.file_offset < size_bytes);
	close(fd);
	return 0;
}
