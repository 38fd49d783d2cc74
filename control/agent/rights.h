/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Single capabilities of this process (capabilities(7)); sandbox.h drops all of them. */
#pragma once

#include "base/error.h"

/* Drops |capability| permanently, in this process and its later children. No effect if it is not
 * held. 0, or -EPERM. */
int rights_give_up(int capability, struct error *err);

/* The program that this process executes next has |capability|, if this process has it, and no
 * other right that this process has not. */
void rights_pass_on(int capability);
