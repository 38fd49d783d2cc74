/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Verdict records of the kernel half to struct verdict. */
#pragma once

#include "datapath/observe/conn.h"

/* Tells the listener of |o|. |record| is a struct weft_verdict of the right size. */
void verdict_take(struct observe *o, const void *record);
