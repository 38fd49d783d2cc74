/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of the mesh that users give an end of a connection. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether |wanted|, "NAMESPACE/NAME" or "NAME", is this name. */
bool end_is_named(const char *wanted, const char *namespace_name, const char *name);

/* 0 or, when they are of different families, -EINVAL with |err|: no connection is between them. */
int ends_agree(const uint8_t source[16], const uint8_t target[16], struct error *err);
