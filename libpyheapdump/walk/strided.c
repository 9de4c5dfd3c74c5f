/* SPDX-License-Identifier: Apache-2.0
 *
 * Strided arrays. Context: crash.
 */
#include "walk/strided.h"

#include "walk/special.h"

/* Elements may overlap (numpy's sliding windows), but a few wrong strides would make terabytes of a page. */
#define MAX_OVERLAPPING ((uint64_t)1 << 28)

bool phd__strided_span(const struct phd_strided *array, struct phd_span *span)
{
    uint64_t lowest = array->address, length = array->itemsize, step;
    *span = (struct phd_span){array->address, 0, array->references};
    for (unsigned i = 0; i < array->dimensions; i++) {
        if (!array->shape[i])
            return true;
        uint64_t stride = array->strides[i] < 0 ? -(uint64_t)array->strides[i] : (uint64_t)array->strides[i];
        if (__builtin_mul_overflow(stride, (uint64_t)array->shape[i] - 1, &step) ||
            __builtin_add_overflow(length, step, &length) || length > PHD_MAX_LENGTH)
            return false;
        lowest -= array->strides[i] < 0 ? step : 0;
    }
    if (array->itemsize)
        *span = (struct phd_span){lowest, length, array->references};
    return true;
}

void phd__strided_read(struct phd_walk *walk, struct phd_strided *array, uint64_t shape, uint64_t strides)
{
    uint64_t bytes = array->itemsize;
    struct phd_span span;
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
    if (bytes > PHD_MAX_LENGTH ||
        (bytes > MAX_OVERLAPPING && !(phd__strided_span(array, &span) && bytes <= span.length)))
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

void phd__strided_seek(struct phd_strided *array, uint64_t number)
{
    uint64_t total = phd__strided_begin(array);
    if (number >= total) {
        array->remaining = 0;
        return;
    }
    array->remaining = total - number;
    for (unsigned i = array->dimensions; i-- > 0;) {
        array->index[i] = (int64_t)(number % (uint64_t)extent(array, i));
        number /= (uint64_t)extent(array, i);
    }
}

/* Bytes of the elements, those of a dimension of stride 0 once; bounded when the array was read. */
static uint64_t bytes_of(const struct phd_strided *array)
{
    uint64_t bytes = array->itemsize;
    for (unsigned i = 0; i < array->dimensions; i++)
        bytes *= (uint64_t)extent(array, i);
    return bytes;
}

bool phd__strided_is_dense(const struct phd_strided *array, const struct phd_span *span)
{
    enum { FEW_GAPS = 2, MUCH = 256 };
    return span->length <= MUCH || span->length / FEW_GAPS <= bytes_of(array);
}

static void put_numbers(struct phd_walk *walk, const int64_t *numbers, unsigned count)
{
    phd__pack_array(walk->to, count);
    for (unsigned i = 0; i < count; i++)
        phd__pack_int64(walk->to, numbers[i]);
}

static void put_shape(struct phd_walk *walk, const struct phd_strided *array)
{
    phd__pack_text(walk->to, "shape");
    put_numbers(walk, array->shape, array->dimensions);
    phd__pack_text(walk->to, "strides");
    put_numbers(walk, array->strides, array->dimensions);
}

/* ---- the elements alone, in C order ---- */

static void put_elements(struct phd_walk *walk, struct phd_strided *array)
{
    uint64_t element, skipped, count = phd__strided_begin(array), length = count * array->itemsize;
    struct phd_content content;
    phd__content_begin(&content, walk, PHD_CONTENT_VALUE, PHD_SHAPE_BYTES, length, 0, false);
    while (length && !walk->stopped && phd__strided_next(array, &element)) {
        phd__content_append(&content, phd__view(walk->memory, element, array->itemsize), array->itemsize);
        if (phd__content_skips(&content, &skipped)) {
            phd__strided_seek(array, skipped / array->itemsize);
            phd__content_skip(&content, skipped);
            if (skipped % array->itemsize && phd__strided_next(array, &element)) { /* the tail begins within one */
                uint64_t part = skipped % array->itemsize;
                phd__content_append(&content, phd__view(walk->memory, element + part, array->itemsize - part),
                                    array->itemsize - part);
            }
        }
    }
    phd__content_end(&content);
}

static void next_element(struct phd_walk *walk, void *state, uint64_t *value, uint64_t *name)
{
    uint64_t element = 0;
    *name = 0;
    *value = phd__strided_next(state, &element) ? phd__read_word(walk->memory, element) : 0;
}

static void put_references(struct phd_walk *walk, struct phd_strided *array)
{
    phd__put_values(walk, PHD_SHAPE_LIST, phd__strided_begin(array), &(struct phd_value_source){next_element, array});
}

/* ---- its memory ---- */

/* The words of a span are the elements of an array of one dimension. */
static void put_words(struct phd_walk *walk, const struct phd_span *span)
{
    struct phd_strided words = {.address = span->address,
                                .itemsize = 8,
                                .dimensions = 1,
                                .shape = {(int64_t)(span->length / 8)},
                                .strides = {8}};
    put_references(walk, &words);
}

struct array_base {
    struct phd_strided *array;
    struct phd_span span;
    struct phd_owner owner;
    bool as_memory;
};

static void put_content(struct phd_walk *walk, void *state)
{
    const struct array_base *base = state;
    const struct phd_span *span = &base->span;
    if (base->owner.object && span->references)
        phd__put_shared(walk, PHD_SHAPE_LIST, base->owner.object, base->owner.offset / 8, span->length / 8);
    else if (base->owner.object)
        phd__put_shared(walk, PHD_SHAPE_BYTES, base->owner.object, base->owner.offset, span->length);
    else if (base->as_memory && span->references)
        put_words(walk, span);
    else if (base->as_memory)
        phd__put_memory(walk, PHD_CONTENT_VALUE, PHD_SHAPE_BYTES, span);
    else if (base->array->references)
        put_references(walk, base->array);
    else
        put_elements(walk, base->array);
}

/* References stand at multiples of eight bytes from each other, unless they are parts of larger elements. */
static bool is_aligned(const struct phd_strided *array)
{
    bool aligned = true;
    for (unsigned i = 0; i < array->dimensions; i++)
        aligned &= array->strides[i] % 8 == 0;
    return aligned || !array->references;
}

void phd__put_strided(struct phd_walk *walk, uint64_t object, struct phd_strided *array, unsigned more,
                      void (*put_more)(struct phd_walk *walk, struct phd_strided *array))
{
    struct array_base base = {array, {0, 0, false}, {0, 0, 0}, false};
    if (!more && phd__strided_span(array, &base.span) && is_aligned(array)) {
        base.owner = phd__find_owner(walk, object, &base.span, bytes_of(array));
        base.as_memory = base.owner.object || phd__strided_is_dense(array, &base.span);
    }
    phd__put_base_map(walk, (base.as_memory ? 4 : 3) + more);
    put_shape(walk, array);
    if (base.as_memory) {
        phd__pack_text(walk->to, "offset");
        phd__pack_uint64(walk->to, array->address - base.span.address);
    }
    phd__pack_text(walk->to, array->references ? "objects" : "content");
    phd__put_guarded(walk, put_content, &base);
    if (more)
        put_more(walk, array);
}
