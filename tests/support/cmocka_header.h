/* SPDX-License-Identifier: Apache-2.0
 *
 * cmocka.h together with the headers it needs but does not include, in the order it needs them.
 */
#ifndef TEST_CMOCKA_HEADER_H
#define TEST_CMOCKA_HEADER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
