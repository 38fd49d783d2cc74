// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Probe sites: beginnings of real functions, and bytes that must not be trusted. */
#include "datapath/attach/tls/probe_site.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROW(text, bytes, offset, kind) {text, bytes, sizeof(bytes) - 1, offset, PROBE_SITE_##kind}

static const struct fixture {
	const char *text;
	const char *code;
	size_t code_bytes;
	uint32_t offset_bytes;
	enum probe_site_kind kind;
} fixtures[] = {
	ROW("EVP_KDF_derive: test rdi,rdi; je", "\x48\x85\xff\x74\x13\x48\x8b\x07\x4c\x8b\x47\x08",
	    3, BRANCH),
	ROW("the same with endbr64", "\xf3\x0f\x1e\xfa\x48\x85\xff\x74\x13\x48\x8b\x07", 7, BRANCH),
	ROW("test; jcc rel32", "\x48\x85\xff\x0f\x84\x10\x00\x00\x00", 3, BRANCH),
	ROW("push rbp", "\x55\x48\x89\xe5", 0, PUSH),
	ROW("endbr64; push r13", "\xf3\x0f\x1e\xfa\x41\x55", 4, PUSH),
	ROW("endbr64; sub rsp; call", "\xf3\x0f\x1e\xfa\x48\x83\xec\x08\xe8\x10\x00\x00\x00", 8,
	    CALL),
	ROW("sub rsp,imm32; push", "\x48\x81\xec\x88\x00\x00\x00\x53", 7, PUSH),
	ROW("SSL_read_ex: sub $8,rsp; call", "\x48\x83\xec\x08\xe8\x17\xff\xff\xff", 4, CALL),
	ROW("nop", "\x90\x48\x89\xf8", 0, NOP),
	ROW("long nop, then push", "\x0f\x1f\x44\x00\x00\x55", 5, PUSH),
	ROW("66-long nop, then push", "\x66\x0f\x1f\x84\x00\x00\x00\x00\x00\x53", 9, PUSH),
	ROW("mov rdi,rax; push", "\x48\x89\xf8\x53", 3, PUSH),
	ROW("cmpb $0,0x10(rdi); jne", "\x80\x7f\x10\x00\x75\x05", 4, BRANCH),
	ROW("cmpb $0,disp(rip); jne", "\x80\x3d\x01\x02\x03\x04\x00\x75\x05", 7, BRANCH),
	ROW("mov fs:0x28,rax; push", "\x64\x48\x8b\x04\x25\x28\x00\x00\x00\x53", 9, PUSH),
	ROW("lea 8(rsp),r10; and -16,rsp; push disp(r10)",
	    "\x4c\x8d\x54\x24\x08\x48\x83\xe4\xf0\x41\xff\x72\xf8", 0, STEPPED),
	ROW("xor eax,eax; jmp rel8", "\x31\xc0\xeb\x10", 2, JUMP),
	ROW("mov $1,eax; jmp rel32", "\xb8\x01\x00\x00\x00\xe9\x00\x01\x00\x00", 5, JUMP),
	ROW("movabs imm64,rax; push", "\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08\x55", 10, PUSH),
	ROW("mov rsi,rdx writes an argument", "\x48\x89\xf2\x55", 0, STEPPED),
	ROW("mov (rdi),rdi writes an argument", "\x48\x8b\x3f\x55", 0, STEPPED),
	ROW("mov imm,ecx writes an argument", "\xb9\x01\x00\x00\x00\x55", 0, STEPPED),
	ROW("xor edx,edx writes an argument", "\x31\xd2\x55", 0, STEPPED),
	ROW("sub 8,rdi writes an argument", "\x48\x83\xef\x08\x55", 0, STEPPED),
	ROW("mov rax,(rdi) writes memory only", "\x48\x89\x07\x55", 3, PUSH),
	ROW("mov rdi,r15 is not rdi", "\x49\x89\xff\x55", 3, PUSH),
	ROW("movslq esi,rsi writes an argument", "\x48\x63\xf6\x55", 0, STEPPED),
	ROW("mov (rdi),rax; jmp *rax", "\x48\x8b\x07\xff\xe0", 0, STEPPED),
	ROW("xchg r8,rax looks like nop", "\x49\x90\x55", 0, STEPPED),
	ROW("callw", "\x66\xe8\x00\x00\x00\x00", 0, STEPPED),
	ROW("ret", "\xc3", 0, STEPPED),
	ROW("unknown", "\x06\x55", 0, STEPPED),
	ROW("a jcc that is cut", "\x48\x85\xff\x74", 0, STEPPED),
	ROW("nothing", "", 0, STEPPED),
};

static void test_fixtures(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
		const struct fixture *f = &fixtures[i];
		struct probe_site s =
			probe_site_choose(EM_X86_64, (const uint8_t *)f->code, f->code_bytes);

		if (s.offset_bytes != f->offset_bytes || s.kind != f->kind)
			fail_msg("%s: +%u %s, wanted +%u %s", f->text, s.offset_bytes,
				 probe_site_name(s.kind), f->offset_bytes,
				 probe_site_name(f->kind));
	}
}

/* However far a run of harmless instructions goes, the site stays within reach. */
static void test_reach(void **state)
{
	uint8_t code[64];
	struct probe_site s;

	(void)state;
	for (size_t n = 0; n < 60; n += 2) {
		memset(code, 0x90, sizeof(code));
		for (size_t i = 0; i < n; i += 2) {
			code[i] = 0x31; /* xor eax, eax */
			code[i + 1] = 0xc0;
		}
		s = probe_site_choose(EM_X86_64, code, sizeof(code));
		assert_int_equal(s.offset_bytes, n <= PROBE_SITE_REACH_BYTES ? n : 0);
		assert_int_equal(s.kind,
				 n <= PROBE_SITE_REACH_BYTES ? PROBE_SITE_NOP : PROBE_SITE_STEPPED);
	}
}

static void test_other_machines_use_the_entry(void **state)
{
	struct probe_site s = probe_site_choose(EM_AARCH64, (const uint8_t *)"\x55\x55\x55\x55", 4);

	(void)state;
	assert_int_equal(s.offset_bytes, 0);
	assert_int_equal(s.kind, PROBE_SITE_STEPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),
		cmocka_unit_test(test_reach),
		cmocka_unit_test(test_other_machines_use_the_entry),
	};

	return cmocka_run_group_tests_name("probe_site", tests, NULL, NULL);
}
