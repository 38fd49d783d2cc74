// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Columns of the table. */
#include "base/tls_stacks.h"

#include <stddef.h>

static const struct {
	const char *name, *shown, *reason;
} stacks[TLS_STACK_MAX] = {
#define X(id, name, shown, reason) [TLS_STACK_##id] = {name, shown, reason},
	TLS_STACKS(X)
#undef X
};

static unsigned row(unsigned stack)
{
	return stack < TLS_STACK_MAX ? stack : TLS_STACK_NONE;
}

const char *tls_stack_name(unsigned stack)
{
	return stacks[row(stack)].name;
}

const char *tls_stack_shown(unsigned stack)
{
	const char *shown = stacks[row(stack)].shown;

	return shown ? shown : "";
}

const char *tls_stack_reason(unsigned stack)
{
	const char *reason = stacks[row(stack)].reason;

	return reason ? reason : "";
}
