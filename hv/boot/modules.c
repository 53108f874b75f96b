/* SPDX-License-Identifier: MIT */
/*
 * Modules by content. Two guests of one kernel have a module each, because a
 * module's string says what it is for; their bytes are the same, and are
 * unpacked and kept once. A kernel that is packed is kept unpacked, for guests
 * that start again; one that is not is used where the loader put it.
 */
#include "boot/modules.h"
#include "frame/frame.h"
#include "image/image.h"
#include "lib/string.h"

static struct module {
	struct boot_module boot;
	unsigned int kernel_users, ramdisk_users;
	struct image_file file;	   /* while kernel_users */
	struct kernel_image image; /* while kernel_users */
} modules[BOOT_MODULES_MAX];
static unsigned int nr_modules;

/* ---- memory for what is unpacked ---- */

static uint64_t pages_of(size_t bytes)
{
	return (bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/*
 * An unpacked kernel may be little larger than a power of two: the allocator
 * gives the next one, and we give the rest back.
 */
static void *memory_alloc(void *ctx, size_t bytes)
{
	uint64_t pages = pages_of(bytes), at;
	unsigned int order = 0;
	struct frame *f;

	(void)ctx;
	while (order < FRAME_MAX_ORDER && 1UL << order < pages)
		order++;
	if (pages == 0 || 1UL << order < pages)
		return NULL;
	f = frame_alloc_buffer(order);
	if (!f)
		return NULL;
	for (at = pages; at < 1UL << order; at += at & -at)
		frame_free_hv(f + at, (unsigned int)__builtin_ctzll(at));
	return frame_ptr(f);
}

static void memory_free(void *ctx, void *p, size_t bytes)
{
	struct frame *f = frame_of(arch_frame_of_ptr(p));
	uint64_t left = pages_of(bytes);

	(void)ctx;
	while (left) {
		unsigned int order = 63 - (unsigned int)__builtin_clzll(left);

		frame_free_hv(f, order);
		f += 1UL << order;
		left -= 1UL << order;
	}
}

static const struct image_alloc memory = { memory_alloc, memory_free, NULL };

/* ---- the modules ---- */

void modules_init(const struct boot_module *from, unsigned int n)
{
	memset(modules, 0, sizeof(modules));
	nr_modules = n;
	for (unsigned int i = 0; i < n; i++)
		modules[i].boot = from[i];
}

const char *modules_name(unsigned int module, char *buf, size_t size)
{
	const char *s = modules[module].boot.string;
	size_t n = 0;

	while (s && *s == ' ')
		s++;
	while (s && s[n] && s[n] != ' ' && s[n] != '\t' && n + 1 < size) {
		buf[n] = s[n];
		n++;
	}
	buf[n] = 0;
	return buf;
}

/* The first module with the same bytes: itself, if there is no other. */
static unsigned int first_same(unsigned int module)
{
	const struct boot_module *m = &modules[module].boot;
	unsigned int i = 0;

	while (i < module && (modules[i].boot.bytes != m->bytes ||
			      memcmp(modules[i].boot.data, m->data, m->bytes)))
		i++;
	return i;
}

static int kernel_load(struct module *m, struct image_error *err)
{
	int rc = image_unpack(m->boot.data, m->boot.bytes, &memory, &m->file,
			      err);

	if (rc)
		return rc;
	rc = image_parse(m->file.data, m->file.size, &m->image, err);
	if (rc)
		image_release(&m->file, &memory);
	return rc;
}

int modules_kernel_get(unsigned int module, unsigned int *shared,
		       struct image_error *err)
{
	unsigned int i = first_same(module);
	int rc = modules[i].kernel_users ? 0 : kernel_load(&modules[i], err);

	if (rc)
		return rc;
	modules[i].kernel_users++;
	*shared = i;
	return 0;
}

void modules_kernel_put(unsigned int shared)
{
	struct module *m = &modules[shared];

	if (--m->kernel_users == 0)
		image_release(&m->file, &memory);
}

unsigned int modules_ramdisk_get(unsigned int module)
{
	unsigned int i = first_same(module);

	modules[i].ramdisk_users++;
	return i;
}

void modules_ramdisk_put(unsigned int shared)
{
	modules[shared].ramdisk_users--;
}

const struct kernel_image *modules_kernel(unsigned int shared)
{
	return &modules[shared].image;
}

const struct boot_module *modules_ramdisk(unsigned int shared)
{
	return &modules[shared].boot;
}

bool boot_module_needed(unsigned int module)
{
	const struct module *m = &modules[module];

	return module < nr_modules &&
	       (m->ramdisk_users || (m->kernel_users && !m->file.owned));
}
