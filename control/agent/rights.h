/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Single capabilities of this process (capabilities(7)); sandbox.h gives up all of them. */
#pragma once

#include "base/error.h"

/* Gives |capability| up for good, in this process and what it forks later. Without it nothing
 * happens. 0, or -EPERM. */
int rights_give_up(int capability, struct error *err);
