/* SPDX-License-Identifier: MIT */
/* The values of spec-ctrl= and xpti=; false: malformed, nothing changed. */
#ifndef LODGE_BOOT_OPTIONS_SPEC_H
#define LODGE_BOOT_OPTIONS_SPEC_H

#include "boot/options.h"
#include "boot/options_word.h"

bool option_take_spec_ctrl(struct word v, struct hv_options *o);
bool option_take_xpti(struct word v, struct hv_options *o);

#endif
