/* SPDX-License-Identifier: MIT */
/*
 * Which of the machine's memory the page allocator gets: all RAM that the
 * loader told of, but for the first MiB (which is counted with the devices),
 * the image, the modules, and the tables that paging_init() took. Modules come
 * later, when they are not needed any more.
 */
#include "boot/boot.h"
#include "frame/frame.h"
#include "log/log.h"
#include "x86/memory.h"

#define FIRST_MIB (0x100000UL >> PAGE_SHIFT)

extern char image_start[], image_end[];

static void use(struct memory_map *m, uint64_t start, uint64_t end)
{
	m->used[m->n_used++] =
		(struct memory_range){ start >> PAGE_SHIFT,
				       (end + PAGE_SIZE - 1) >> PAGE_SHIFT };
}

/* What the page allocator must not be given; and where memory ends. */
void memory_in_use(struct boot_info *boot, uint64_t image_phys)
{
	frame_limit = boot->memory.ram[boot->memory.n - 1].end;
	use(&boot->memory, 0, 0x100000);
	use(&boot->memory, image_phys,
	    image_phys + (uint64_t)(image_end - image_start));
	for (unsigned int i = 0; i < boot->nmodules; i++)
		use(&boot->memory, boot->modules[i].start,
		    boot->modules[i].end);
}

void memory_report(const struct boot_info *boot)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < boot->memory.n; i++)
		pages += boot->memory.ram[i].end - boot->memory.ram[i].start;
	log_info("%lu MiB of memory, the last frame is %#lx", pages >> 8,
		 frame_limit - 1);
}

/*
 * Numbers from first on that are no RAM. Of a piece of the frame table that
 * describes none at all there is one page only, for all of it (paging.c).
 */
static void devices_mark(uint64_t first, uint64_t end)
{
	const uint64_t piece = 0x200000 / sizeof(struct frame);
	const uint64_t page = PAGE_SIZE / sizeof(struct frame);

	while (first < end) {
		bool whole = !(first % piece) && end - first >= piece;
		uint64_t n = whole ? page : 1;

		for (uint64_t i = 0; i < n; i++)
			frame_set_permanent(frame_of(mfn(first + i)), DOMID_IO);
		first += whole ? piece : 1;
	}
}

static void m2p_mark(enum domain_width width, unsigned int entry_bytes)
{
	const uint64_t piece = 1UL << ARCH_M2P_SHIFT;
	uint64_t pieces = (frame_limit * entry_bytes + piece - 1) / piece;

	for (unsigned int n = 0; n < pieces; n++) {
		struct frame *f = frame_of(mfn(arch_m2p_extent(width, n)));

		for (uint64_t i = 0; i < piece / PAGE_SIZE; i++)
			frame_set_permanent(f + i, FRAME_SHOWN);
	}
}

/* Whose the numbers are that the allocator never gets. */
static void owners_mark(const struct memory_map *m)
{
	const uint64_t piece = 0x200000 / sizeof(struct frame);
	uint64_t at = 0;

	for (unsigned int i = 0; i < m->n; i++) {
		devices_mark(at, MAX(m->ram[i].start, FIRST_MIB));
		at = MAX(m->ram[i].end, FIRST_MIB);
	}
	/* And one more piece, which stands for all that follow. */
	devices_mark(at, ROUND_UP(at, piece) + piece);
	m2p_mark(WIDTH_64, sizeof(uint64_t));
	m2p_mark(WIDTH_32, sizeof(uint32_t));
}

/* Everything of RAM that is not in use, to the allocator. */
void memory_give(const struct memory_map *m)
{
	owners_mark(m);
	for (unsigned int i = 0; i < m->n; i++) {
		uint64_t at = m->ram[i].start;

		while (at < m->ram[i].end) {
			uint64_t end = m->ram[i].end, skip = 0;

			for (unsigned int u = 0; u < m->n_used; u++) {
				if (m->used[u].end <= at ||
				    m->used[u].start >= end)
					continue;
				end = MAX(m->used[u].start, at);
				skip = m->used[u].end;
			}
			if (end > at)
				frame_add_range(mfn(at), mfn(end));
			at = skip ? skip : end;
		}
	}
}

/* Memory of modules that nobody needs any more; a frame that a loader had
 * two modules share is lost. */
void memory_give_modules(const struct boot_info *boot)
{
	for (unsigned int i = 0; i < boot->nmodules; i++) {
		uint64_t start =
			(boot->modules[i].start + PAGE_SIZE - 1) >> PAGE_SHIFT;
		uint64_t end = boot->modules[i].end >> PAGE_SHIFT;

		if (!boot_module_needed(i) && start < end)
			frame_add_range(mfn(start), mfn(end));
	}
}
