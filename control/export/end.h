/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of the mesh that users give an end of a connection. */
#pragma once

#include <stdbool.h>

/* Whether |wanted|, "NAMESPACE/NAME" or "NAME", is this name. */
bool end_is_named(const char *wanted, const char *namespace_name, const char *name);
