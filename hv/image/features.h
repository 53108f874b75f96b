/* SPDX-License-Identifier: MIT */
/* The features that a kernel can use, and those that it cannot do without. */
#ifndef LODGE_IMAGE_FEATURES_H
#define LODGE_IMAGE_FEATURES_H

#include "image/notes.h"

/*
 * Reads the notes FEATURES and SUPPORTED_FEATURES into the two masks of
 * XENFEAT_* bits and dom0_capable. Returns -EOPNOTSUPP and names the first
 * required feature that this hypervisor has not.
 */
[[nodiscard]] int features_parse(const struct xen_notes *notes,
				 struct kernel_image *out,
				 struct image_error *err);

#endif
