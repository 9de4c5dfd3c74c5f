/* SPDX-License-Identifier: Apache-2.0
 *
 * C types that hold values in structs of their own. Context: crash.
 */
#include "safe/text.h"
#include "walk/special.h"
#include "walk/walk.h"

/* ---- collections.deque (Modules/_collectionsmodule.c: a list of blocks of 64 items) ---- */

enum { BLOCK_ITEMS = 64, BLOCK_FIRST_ITEM = 8, BLOCK_RIGHT = 8 + 8 * BLOCK_ITEMS };

struct deque_position {
    uint64_t block;
    uint64_t index;
};

static void next_of_deque(struct phd_walk *walk, void *state, uint64_t *value, uint64_t *name)
{
    struct deque_position *at = state;
    if (at->index == BLOCK_ITEMS) {
        at->block = phd__read_word(walk->memory, at->block + BLOCK_RIGHT);
        at->index = 0;
    }
    *value = phd__read_word(walk->memory, at->block + BLOCK_FIRST_ITEM + 8 * at->index++);
    *name = 0;
}

/* Whether the blocks from `first` on are those of `count` items, the last of which stands at `last_index` of `last`.
 * Each has a link to the one before it, so a chain that runs in circles is found out at once. */
static bool blocks_agree(struct phd_walk *walk, struct deque_position first, uint64_t count, uint64_t last,
                         uint64_t last_index)
{
    uint64_t position = first.index + count - 1; /* of the last item, from the start of the first block */
    if (first.index >= BLOCK_ITEMS || position % BLOCK_ITEMS != last_index)
        return false;
    uint64_t block = first.block;
    for (uint64_t i = 0; i < position / BLOCK_ITEMS && !walk->stopped; i++) {
        uint64_t next = phd__read_word(walk->memory, block + BLOCK_RIGHT);
        if (next == first.block || phd__read_word(walk->memory, next) != block)
            return false;
        block = next;
    }
    return block == last;
}

void phd__put_deque(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    struct deque_position at = {phd__field_word(walk, object, type, "_leftblock"),
                                phd__field_word(walk, object, type, "_leftindex")};
    uint64_t count = phd__field_word(walk, object, type, "_size");
    if (count > PHD_MAX_LENGTH ||
        (count && !blocks_agree(walk, at, count, phd__field_word(walk, object, type, "_rightblock"),
                                phd__field_word(walk, object, type, "_rightindex"))))
        phd__memory_fault(walk->memory, object, "a deque whose blocks are not those of its length");
    phd__put_values(walk, PHD_SHAPE_LIST, count, &(struct phd_value_source){next_of_deque, &at});
}

/* ---- _queue.SimpleQueue of 3.13 (Modules/_queuemodule.c: RingBuf); earlier ones are a list, told by fields ---- */

struct ring_position {
    uint64_t items, capacity, index;
};

static void next_of_ring(struct phd_walk *walk, void *state, uint64_t *value, uint64_t *name)
{
    struct ring_position *at = state;
    *value = phd__read_word(walk->memory, at->items + 8 * at->index);
    *name = 0;
    at->index = (at->index + 1) % at->capacity;
}

void phd__put_simple_queue(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    if (!phd__has_field(type, "_num_items")) {
        phd__pack_nil(walk->to);
        return;
    }
    struct ring_position at = {phd__field_word(walk, object, type, "_items"),
                               phd__field_word(walk, object, type, "_items_cap"),
                               phd__field_word(walk, object, type, "_get_idx")};
    uint64_t count = phd__field_word(walk, object, type, "_num_items");
    if (at.index >= at.capacity || count > at.capacity)
        phd__memory_fault(walk->memory, object, "a queue that begins outside of its memory");
    phd__put_values(walk, PHD_SHAPE_LIST, count, &(struct phd_value_source){next_of_ring, &at});
}

/* ---- collections.OrderedDict (Objects/odictobject.c: a list of nodes beside the dict) ---- */

enum { NODE_HASH = 8, NODE_NEXT = 16 };

/* Whether the nodes have the keys of the dict in its own order, as they do until a key is moved. */
static bool in_dict_order(struct phd_walk *walk, uint64_t object, uint64_t node)
{
    struct phd_dict_cursor cursor;
    uint64_t key, value;
    phd__dict_open(walk, object, &cursor);
    while (phd__dict_next(walk, &cursor, &key, &value)) {
        if (!node || phd__read_word(walk->memory, node) != key)
            return false;
        node = phd__read_word(walk->memory, node + NODE_NEXT);
    }
    return !node;
}

struct node_position {
    uint64_t dict;
    uint64_t node;
    uint64_t key; /* written, its value is next; 0: a key is next */
};

static void next_of_nodes(struct phd_walk *walk, void *state, uint64_t *value, uint64_t *name)
{
    struct node_position *at = state;
    *name = at->key ? at->key : PHD_IS_NAME;
    if (at->key) {
        uint64_t hash = phd__read_word(walk->memory, at->node + NODE_HASH);
        *value = phd__dict_value_of(walk, at->dict, at->key, hash);
        at->node = phd__read_word(walk->memory, at->node + NODE_NEXT);
        at->key = 0;
    } else {
        *value = at->key = phd__read_word(walk->memory, at->node);
    }
}

void phd__put_ordered_dict(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    struct node_position at = {object, phd__field_word(walk, object, type, "_first"), 0};
    if (in_dict_order(walk, object, at.node)) {
        phd__put_dict_record(walk, object, phd__secret_items(walk, object, phd__type_of(walk, object)));
        return;
    }
    uint64_t count = 2 * phd__dict_length(walk, object);
    phd__put_values(walk, PHD_SHAPE_DICT, count, &(struct phd_value_source){next_of_nodes, &at});
}

/* ---- contextvars.Context (Python/hamt.c: a tree of nodes of three types) ---- */

enum { HAMT_DEPTH = 16, BITMAP_ITEMS = 32, ARRAY_ITEMS = 16, ARRAY_CHILDREN = 32 };

struct hamt_level {
    uint64_t items; /* address of the pairs, or of the children */
    uint64_t count; /* words */
    uint64_t next;  /* word */
    bool pairs;     /* of key and value; key 0: the value is a node */
};

struct hamt_position {
    struct hamt_level levels[HAMT_DEPTH];
    unsigned depth;
    uint64_t name;  /* the variable that was given last … */
    uint64_t value; /* … and its value, to be given next; 0: a variable is next */
};

static void enter_node(struct phd_walk *walk, struct hamt_position *at, uint64_t node)
{
    char name[32];
    uint64_t type = phd__word_at(walk, node, walk->at->object_type);
    phd__read_text(walk->memory, phd__word_at(walk, type, walk->at->type_name), name, sizeof name);
    bool array = phd__string_equal(name, "hamt_array_node");
    if (at->depth == HAMT_DEPTH ||
        (!array && !phd__string_equal(name, "hamt_bitmap_node") && !phd__string_equal(name, "hamt_collision_node")))
        phd__memory_fault(walk->memory, node, "not a node of a context's variables");
    uint64_t count = array ? ARRAY_CHILDREN : phd__word_at(walk, node, walk->at->var_size);
    at->levels[at->depth++] = (struct hamt_level){node + (array ? ARRAY_ITEMS : BITMAP_ITEMS), count, 0, !array};
}

/* Go on to the next pair: its key and value. False when there is none. */
static bool next_pair(struct phd_walk *walk, struct hamt_position *at, uint64_t *key, uint64_t *value)
{
    while (at->depth) {
        struct hamt_level *level = &at->levels[at->depth - 1];
        if (level->next >= level->count) {
            at->depth--;
            continue;
        }
        *key = level->pairs ? phd__read_word(walk->memory, level->items + 8 * level->next) : 0;
        *value = phd__read_word(walk->memory, level->items + 8 * (level->next + level->pairs));
        level->next += level->pairs ? 2 : 1;
        if (*key)
            return true;
        if (*value)
            enter_node(walk, at, *value);
    }
    return false;
}

static void next_of_context(struct phd_walk *walk, void *state, uint64_t *value, uint64_t *name)
{
    struct hamt_position *at = state;
    *name = 0;
    if (at->value) {
        *value = at->value;
        at->value = 0;
    } else if (!next_pair(walk, at, value, &at->value)) {
        phd__memory_fault(walk->memory, walk->own_address, "a context with fewer variables than it says");
    }
}

void phd__put_context(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    uint64_t tree = phd__field_word(walk, object, type, "ctx_vars");
    const struct phd_type *tree_type = tree ? phd__type_of(walk, tree) : NULL;
    struct hamt_position at = {.depth = 0};
    uint64_t count = tree ? phd__field_word(walk, tree, tree_type, "h_count") : 0;
    uint64_t root = tree ? phd__field_word(walk, tree, tree_type, "h_root") : 0;
    if (root)
        enter_node(walk, &at, root);
    phd__put_values(walk, PHD_SHAPE_DICT, 2 * count, &(struct phd_value_source){next_of_context, &at});
}

/* ---- xml.etree.ElementTree.Element (Modules/_elementtree.c: ElementObjectExtra) ---- */

enum { EXTRA_LENGTH = 8, EXTRA_CHILDREN = 24 };

static void next_of_array(struct phd_walk *walk, void *state, uint64_t *value, uint64_t *name)
{
    uint64_t *address = state;
    *value = phd__read_word(walk->memory, *address);
    *name = 0;
    *address += 8;
}

/* An element is a sequence of its children. */
void phd__put_xml_element(struct phd_walk *walk, uint64_t object, const struct phd_type *type)
{
    uint64_t extra = phd__field_word(walk, object, type, "_extra");
    uint64_t children = extra ? phd__read_word(walk->memory, extra + EXTRA_CHILDREN) : 0;
    uint64_t count = extra ? phd__read_word(walk->memory, extra + EXTRA_LENGTH) : 0;
    phd__put_values(walk, PHD_SHAPE_LIST, count, &(struct phd_value_source){next_of_array, &children});
}
