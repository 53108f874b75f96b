/* SPDX-License-Identifier: MIT */
/*
 * The one door for writes into guests' memory, by pointer or by the guest's
 * own address. Whatever must know of each write (log-dirty, replay) is told
 * here and nowhere else.
 */
#include "domain/domain.h"
#include "frame/frame.h"
#include "lib/string.h"

void guest_wrote(struct domain *d, const void *p)
{
	if (unlikely(shared_load32(&d->frames.logging)))
		dirty_note(d, frame_of(arch_frame_of_ptr(p)));
}

void guest_write(struct domain *d, void *p, const void *src, size_t n)
{
	memcpy(p, src, n);
	guest_wrote(d, p);
}

int guest_copy_to(uint64_t va, const void *src, size_t n)
{
	return arch_copy_to_guest(va, src, n);
}

int guest_copy_from(void *dst, uint64_t va, size_t n)
{
	return arch_copy_from_guest(dst, va, n);
}

int guest_word_to(uint64_t va, uint64_t word)
{
	unsigned int tries = ARCH_WORDS_TRIES;

again:
	if (unlikely(!arch_words_begin(va)))
		return -EFAULT;
	arch_word_store(va, 0, word, fault);
	arch_words_end();
	return 0;
fault:
	arch_words_end();
	if (--tries)
		goto again;
	return -EFAULT;
}
