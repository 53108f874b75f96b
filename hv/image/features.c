/* SPDX-License-Identifier: MIT */
/*
 * FEATURES is a text such as "!writable_page_tables|pae_pgdir_above_4gb":
 * names of <xen/features.h>, where "!" means that the kernel needs it.
 * SUPPORTED_FEATURES is a mask of what the kernel can use; a kernel that has
 * the mask can be domain 0 only if it says so there.
 */
#include <xen/features.h>

#include "errno.h"
#include "image/features.h"
#include "lib/string.h"

/*
 * What a paravirtual guest gets here. Of the others, a translated
 * physmap and the hvm_* are for guests with hardware virtualization,
 * supervisor_mode_kernel would be a guest in ring 0, and descriptor tables
 * are read-only always.
 */
#define FEATURES_WE_HAVE                                                      \
	(1U << XENFEAT_writable_page_tables |                                 \
	 1U << XENFEAT_pae_pgdir_above_4gb |                                  \
	 1U << XENFEAT_mmu_pt_update_preserve_ad |                            \
	 1U << XENFEAT_highmem_assist | 1U << XENFEAT_gnttab_map_avail_bits | \
	 1U << XENFEAT_dom0 | 1U << XENFEAT_memory_op_vnode_supported |       \
	 1U << XENFEAT_linux_rsdp_unrestricted |                              \
	 1U << XENFEAT_not_direct_mapped)

static const char *const feature_names[] = {
	[XENFEAT_writable_page_tables] = "writable_page_tables",
	[XENFEAT_writable_descriptor_tables] = "writable_descriptor_tables",
	[XENFEAT_auto_translated_physmap] = "auto_translated_physmap",
	[XENFEAT_supervisor_mode_kernel] = "supervisor_mode_kernel",
	[XENFEAT_pae_pgdir_above_4gb] = "pae_pgdir_above_4gb",
	[XENFEAT_mmu_pt_update_preserve_ad] = "mmu_pt_update_preserve_ad",
	[XENFEAT_highmem_assist] = "highmem_assist",
	[XENFEAT_gnttab_map_avail_bits] = "gnttab_map_avail_bits",
	[XENFEAT_hvm_callback_vector] = "hvm_callback_vector",
	[XENFEAT_hvm_safe_pvclock] = "hvm_safe_pvclock",
	[XENFEAT_hvm_pirqs] = "hvm_pirqs",
	[XENFEAT_dom0] = "dom0",
	[XENFEAT_memory_op_vnode_supported] = "memory_op_vnode_supported",
	[XENFEAT_ARM_SMCCC_supported] = "ARM_SMCCC_supported",
	[XENFEAT_linux_rsdp_unrestricted] = "linux_rsdp_unrestricted",
	[XENFEAT_not_direct_mapped] = "not_direct_mapped",
	[XENFEAT_direct_mapped] = "direct_mapped",
};

static uint32_t feature_mask(struct note_text name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(feature_names); i++)
		if (feature_names[i] && strlen(feature_names[i]) == name.n &&
		    !memcmp(feature_names[i], name.p, name.n))
			return 1U << i;
	return 0;
}

static int feature_refuse(struct note_text name, struct image_error *err)
{
	char text[40];
	size_t n = MIN(name.n, sizeof(text) - 1);

	for (size_t i = 0; i < n; i++)
		text[i] = name.p[i] > ' ' && name.p[i] < 127 ? name.p[i] : '?';
	text[n] = '\0';
	return image_fail(err, -EOPNOTSUPP,
			  "the kernel requires the feature %s, which a "
			  "paravirtual guest has not here",
			  text);
}

static int feature_take(struct note_text name, struct kernel_image *out,
			struct image_error *err)
{
	bool required = name.n > 0 && name.p[0] == '!';
	uint32_t mask;

	if (required) {
		name.p++;
		name.n--;
	}
	mask = feature_mask(name);
	out->features |= mask;
	if (!required)
		return 0;
	out->features_required |= mask;
	if (mask & FEATURES_WE_HAVE)
		return 0;
	return feature_refuse(name, err);
}

int features_parse(const struct xen_notes *notes, struct kernel_image *out,
		   struct image_error *err)
{
	struct note_text all = notes->text[XEN_ELFNOTE_FEATURES];
	size_t begin = 0;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i <= all.n; i++) {
		if (i != all.n && all.p[i] != '|')
			continue;
		if (i != begin)
			ret = feature_take(
				(struct note_text){ all.p + begin, i - begin },
				out, err);
		begin = i + 1;
	}
	out->features |= notes->number[XEN_ELFNOTE_SUPPORTED_FEATURES];
	out->dom0_capable =
		!notes_have(notes, XEN_ELFNOTE_SUPPORTED_FEATURES) ||
		(out->features & 1U << XENFEAT_dom0);
	return ret;
}
