/* SPDX-License-Identifier: MIT */
/*
 * Kernels given as boot modules: from the bytes of a file to a table that a
 * domain can be built from. Two steps: image_unpack() finds the ELF file in
 * whatever the user gave, image_parse() reads it.
 */
#ifndef LODGE_IMAGE_IMAGE_H
#define LODGE_IMAGE_IMAGE_H

#include "image/state.h"

/*
 * Finds the ELF file in `len` bytes at `data`: there already, or gzip'd, or
 * the payload of a Linux bzImage (gzip, xz, Zstandard or LZ4 in its legacy
 * form), which is unpacked into memory from `mem`. On success `out` is to be
 * given to image_release(), and `data` must stay until then. Returns -ENOEXEC
 * for what is no kernel, -EBADMSG for a damaged one, -EOPNOTSUPP for a
 * compression that we lack, -ENOMEM; `err` then says more.
 */
[[nodiscard]] int image_unpack(const void *data, size_t len,
			       const struct image_alloc *mem,
			       struct image_file *out, struct image_error *err);

/* Gives back the copy that image_unpack() made, if it made one. */
void image_release(struct image_file *file, const struct image_alloc *mem);

/*
 * Reads the ELF headers and Xen notes of a kernel for x86-64 or i386 and
 * checks that it could be built: everything in the file, no overlaps, all
 * addresses outside the hypervisor's range, no required feature that we
 * lack. Returns 0 and fills `out`, which refers to `data`; else -ENOEXEC (not
 * a paravirtual kernel), -EBADMSG (damaged or contradictory) or -EOPNOTSUPP
 * (32-bit without PAE, or a feature that we lack) and fills `err`.
 */
[[nodiscard]] int image_parse(const void *data, size_t size,
			      struct kernel_image *out,
			      struct image_error *err);

#endif
