/* SPDX-License-Identifier: MIT */
/* Where mm/ tells the shadow tables of a change: see shadow.c. */
#ifndef LODGE_MM_SHADOW_H
#define LODGE_MM_SHADOW_H

#include "mm/mm.h"

/* ---- all of them under the lock, while d->mm.shadowed ---- */

/* Entry idx of the validated table f has been replaced. */
void shadow_entry_changed(struct mm_locked m, const struct frame *f,
			  unsigned int idx);
/* f is no validated table any more. */
void shadow_table_ended(struct mm_locked m, const struct frame *f);
/* v has another root in that mode; before it is loaded. */
void shadow_root_changed(struct mm_locked m, struct vcpu *v, bool user);
/* Takes all of it apart, for a dying domain. -ERESTART. */
[[nodiscard]] int shadow_teardown(struct mm_locked m);

#endif
