/* SPDX-License-Identifier: Apache-2.0
 *
 * Strided arrays. Context: crash.
 */
#include "walk/strided.h"

#include "walk/content.h"

/* Elements may overlap (numpy's sliding windows), but a few wrong strides would make terabytes of a page. */
#define MAX_OVERLAPPING ((uint64_t)1 << 28)

/* Bytes from the lowest to the highest address of the elements. */
static uint64_t span_of(const struct phd_strided *array)
{
    uint64_t span = array->itemsize, step;
    for (unsigned i = 0; i < array->dimensions; i++) {
        uint64_t stride = array->strides[i] < 0 ? -(uint64_t)array->strides[i] : (uint64_t)array->strides[i];
        if (array->shape[i] && (__builtin_mul_overflow(stride, (uint64_t)array->shape[i] - 1, &step) ||
                                __builtin_add_overflow(span, step, &span)))
            return UINT64_MAX; /* they cannot all be there: reading will find out */
    }
    return span;
}

void phd__strided_read(struct phd_walk *walk, struct phd_strided *array, uint64_t shape, uint64_t strides)
{
    uint64_t bytes = array->itemsize;
    if (array->dimensions > PHD_MAX_DIMENSIONS || array->itemsize > PHD_MAX_LENGTH)
        phd__memory_fault(walk->memory, walk->own_address, "an array of impossible dimensions");
    for (unsigned i = 0; i < array->dimensions; i++) {
        array->shape[i] = (int64_t)phd__read_word(walk->memory, shape + 8 * i);
        array->strides[i] = (int64_t)phd__read_word(walk->memory, strides + 8 * i);
        if (array->shape[i] < 0 || (uint64_t)array->shape[i] > PHD_MAX_LENGTH)
            phd__memory_fault(walk->memory, walk->own_address, "an array of impossible shape");
        if (array->strides[i] && __builtin_mul_overflow(bytes, (uint64_t)array->shape[i], &bytes))
            phd__memory_fault(walk->memory, walk->own_address, "an array of impossible size");
    }
    if (bytes > PHD_MAX_LENGTH || (bytes > MAX_OVERLAPPING && bytes > span_of(array)))
        phd__memory_fault(walk->memory, walk->own_address, "an array of impossible size");
}

/* How often dimension `i` is gone through. */
static int64_t extent(const struct phd_strided *array, unsigned i)
{
    return array->strides[i] || !array->shape[i] ? array->shape[i] : 1;
}

uint64_t phd__strided_begin(struct phd_strided *array)
{
    array->remaining =
        array->itemsize != 0; /* elements of no bytes may be as many as a shape can tell, and hold nothing */
    for (unsigned i = 0; i < array->dimensions; i++) {
        array->index[i] = 0;
        array->remaining *= (uint64_t)extent(array, i);
    }
    return array->remaining;
}

bool phd__strided_next(struct phd_strided *array, uint64_t *element)
{
    if (!array->remaining)
        return false;
    array->remaining--;
    uint64_t offset = 0;
    for (unsigned i = 0; i < array->dimensions; i++)
        offset += (uint64_t)array->index[i] * (uint64_t)array->strides[i];
    *element = array->address + offset;
    for (unsigned i = array->dimensions; i-- > 0;) {
        if (++array->index[i] < extent(array, i))
            break;
        array->index[i] = 0;
    }
    return true;
}

static bool is_contiguous(const struct phd_strided *array)
{
    int64_t expected = (int64_t)array->itemsize;
    for (unsigned i = array->dimensions; i-- > 0;) {
        if (array->shape[i] > 1 && array->strides[i] != expected)
            return false;
        expected *= array->shape[i];
    }
    return true;
}

static void put_numbers(struct phd_walk *walk, const int64_t *numbers, unsigned count)
{
    phd__pack_array(walk->to, count);
    for (unsigned i = 0; i < count; i++)
        phd__pack_int64(walk->to, numbers[i]);
}

void phd__put_shape(struct phd_walk *walk, const struct phd_strided *array)
{
    phd__pack_text(walk->to, "shape");
    put_numbers(walk, array->shape, array->dimensions);
    phd__pack_text(walk->to, "strides");
    put_numbers(walk, array->strides, array->dimensions);
}

void phd__put_elements(struct phd_walk *walk, void *state)
{
    struct phd_strided *array = state;
    uint64_t element, length = phd__strided_begin(array) * array->itemsize;
    if (is_contiguous(array)) {
        phd__put_bytes_at(walk, PHD_CONTENT_VALUE, PHD_SHAPE_BYTES, array->address, length);
        return;
    }
    struct phd_content content;
    phd__content_begin(&content, walk, PHD_CONTENT_VALUE, PHD_SHAPE_BYTES, length, false);
    while (!walk->stopped && phd__strided_next(array, &element))
        phd__content_append(&content, phd__view(walk->memory, element, array->itemsize), array->itemsize);
    phd__content_end(&content);
}
