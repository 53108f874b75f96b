/* SPDX-License-Identifier: MIT */
/*
 * Included before everything (Makefile): all symbols, also those that are
 * only declared, are in this image, so no access goes through a table of
 * addresses.
 */
#pragma GCC visibility push(hidden)
