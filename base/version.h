/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The version of weft, of both programs. */
#pragma once

#define WEFT_VERSION "0.1.0"
