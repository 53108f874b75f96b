/* SPDX-License-Identifier: MIT */
/* Compiled once a test: the build passes the folder's name. */
#include "test.h"

const char test_name[] = TEST_NAME;
