// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libyaml's events become nodes; a stack of at most MESH_DEPTH_MAX open lists and maps stands in
 * for recursion. The first thing that cannot be read ends the file. */
#include "mesh-config/yaml/yaml.h"

#include "base/table.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <yaml.h>

struct level {
	struct yaml_node *node;
	struct yaml_node **last;
	bool has_key; /* of a map: the key of the next value was read */
	struct slice key;
	struct place key_at;
};

struct reader {
	struct arena *arena;
	struct problem_sink *problems;
	struct slice bytes;
	struct level levels[MESH_DEPTH_MAX + 1]; /* [0] is the list of documents */
	uint32_t depth;
	uint32_t nodes;
	bool stopped;
};

static struct place place_of(yaml_mark_t mark)
{
	return (struct place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static void stop(struct reader *r, enum problem_code code, struct place at, const char *text)
{
	r->stopped = true;
	problem_add(r->problems, code, at, "%s", text);
}

/* ---- before libyaml sees it */

/* What comes before |at| as a place. */
static struct place place_in(struct slice bytes, size_t at)
{
	struct place place = {1, 1};

	for (size_t i = 0; i < at; i++) {
		bool end = bytes.data[i] == '\n';

		place.line += end;
		place.column = end ? 1 : place.column + (((uint8_t)bytes.data[i] & 0xc0) != 0x80);
	}
	return place;
}

/* The first byte that may not be in a file, or the size. */
static size_t unclean_find(struct slice bytes)
{
	size_t i = 0;

	while (i < bytes.size_bytes) {
		char c = bytes.data[i];
		bool ascii = (c >= ' ' && c < 0x7f) || c == '\t' || c == '\n' || c == '\r';
		size_t n = ascii ? 1 : utf8_safe(bytes.data + i, bytes.size_bytes - i);

		if (!n)
			return i;
		i += n;
	}
	return i;
}

static bool bytes_check(struct reader *r)
{
	size_t unclean;

	if (r->bytes.size_bytes > MESH_FILE_MAX_BYTES) {
		stop(r, PROBLEM_TOO_LARGE, (struct place){0}, "the file is larger than 4 MiB");
		problem_hint(r->problems, "split it: all files of the directory belong together");
		return false;
	}
	unclean = unclean_find(r->bytes);
	if (unclean == r->bytes.size_bytes)
		return true;
	stop(r, PROBLEM_ENCODING, place_in(r->bytes, unclean),
	     "a byte that is not clean UTF-8: a control character or another encoding");
	return false;
}

/* ---- values */

static bool text_is(struct slice s, const char *word)
{
	return s.size_bytes == strlen(word) && !memcmp(s.data, word, s.size_bytes);
}

static bool is_null(struct slice s)
{
	return !s.size_bytes || text_is(s, "~") || text_is(s, "null") || text_is(s, "Null") ||
	       text_is(s, "NULL");
}

static struct yaml_node *node_add(struct reader *r, struct place at, enum yaml_kind kind)
{
	struct level *level = &r->levels[r->depth];
	struct yaml_node *node;

	if (++r->nodes > YAML_NODES_MAX) {
		stop(r, PROBLEM_TOO_LARGE, at, "more than a million values in one file");
		return NULL;
	}
	if (level->node->count == YAML_ENTRIES_MAX &&
	    (!r->depth || level->node->kind == YAML_MAP)) {
		stop(r, PROBLEM_TOO_LARGE, at,
		     r->depth ? "more than 65,536 keys in one map"
			      : "more than 65,536 documents in one file");
		return NULL;
	}
	node = arena_take(r->arena, sizeof(*node));
	if (!node) {
		r->stopped = true;
		return NULL;
	}
	*node = (struct yaml_node){
		.at = at, .kind = (uint8_t)kind, .key = level->key, .key_at = level->key_at};
	level->has_key = false;
	level->node->count++;
	*level->last = node;
	level->last = &node->next;
	return node;
}

static void key_take(struct reader *r, struct slice key, struct place at)
{
	struct level *level = &r->levels[r->depth];

	if (text_is(key, "<<")) {
		stop(r, PROBLEM_ALIAS, at, "merge keys are refused");
		return;
	}
	level->key = key;
	level->key_at = at;
	level->has_key = true;
}

static bool wants_key(const struct reader *r)
{
	const struct level *level = &r->levels[r->depth];

	return level->node->kind == YAML_MAP && !level->has_key;
}

static bool is_refused(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag,
		       struct place at)
{
	if (anchor) {
		stop(r, PROBLEM_ALIAS, at, "anchors and aliases are refused");
		problem_hint(r->problems, "write the value out at each place where it is needed");
	} else if (tag) {
		stop(r, PROBLEM_TAG, at, "tags are refused");
		problem_hint(r->problems, "leave out \"%.40s\"", (const char *)tag);
	}
	return anchor || tag;
}

static void scalar_take(struct reader *r, const yaml_event_t *e)
{
	struct slice text = {(const char *)e->data.scalar.value, e->data.scalar.length};
	struct place at = place_of(e->start_mark);
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct yaml_node *node;

	if (is_refused(r, e->data.scalar.anchor, e->data.scalar.tag, at))
		return;
	if (unclean_find(text) != text.size_bytes) {
		stop(r, PROBLEM_ENCODING, at, "the text has a control character in it");
		return;
	}
	text.data = arena_copy(r->arena, text.data, text.size_bytes);
	if (!text.data) {
		r->stopped = true;
		return;
	}
	if (wants_key(r)) {
		key_take(r, text, at);
		return;
	}
	node = node_add(r, at, plain && is_null(text) ? YAML_NULL : YAML_TEXT);
	if (!node)
		return;
	node->text = text;
	node->plain = plain;
}

/* ---- lists and maps */

static void level_open(struct reader *r, enum yaml_kind kind, const yaml_char_t *anchor,
		       const yaml_char_t *tag, struct place at)
{
	struct yaml_node *node;

	if (is_refused(r, anchor, tag, at))
		return;
	if (wants_key(r)) {
		stop(r, PROBLEM_SYNTAX, at, "a key must be a text");
		return;
	}
	if (r->depth == MESH_DEPTH_MAX) {
		stop(r, PROBLEM_DEPTH, at, "lists and maps are nested more than 64 deep");
		return;
	}
	node = node_add(r, at, kind);
	if (node)
		r->levels[++r->depth] = (struct level){.node = node, .last = &node->first};
}

static void duplicate_report(struct reader *r, const struct yaml_node *again,
			     const struct yaml_node *before)
{
	problem_add(r->problems, PROBLEM_DUPLICATE_KEY, again->key_at,
		    "key \"%.*s\" is given twice", (int)again->key.size_bytes, again->key.data);
	problem_hint(r->problems, "it is also in line %u; keep one of them", before->key_at.line);
}

/* Small maps by looking, large ones with a hash. */
static void duplicates_small(struct reader *r, const struct yaml_node *map)
{
	for (const struct yaml_node *n = map->first; n; n = n->next)
		for (const struct yaml_node *before = map->first; before != n;
		     before = before->next)
			if (slice_equal(before->key, n->key)) {
				duplicate_report(r, n, before);
				break;
			}
}

static void duplicates_large(struct reader *r, const struct yaml_node *map)
{
	uint32_t slots = 64;
	const struct yaml_node **seen;

	while (slots < map->count * 2)
		slots *= 2;
	seen = calloc(slots, sizeof(*seen));
	if (!seen) {
		r->arena->failed = r->stopped = true;
		return;
	}
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		uint32_t at = (uint32_t)table_hash(n->key.data, n->key.size_bytes, 0) & (slots - 1);

		while (seen[at] && !slice_equal(seen[at]->key, n->key))
			at = (at + 1) & (slots - 1);
		if (seen[at])
			duplicate_report(r, n, seen[at]);
		seen[at] = n;
	}
	free(seen);
}

static void level_close(struct reader *r)
{
	const struct yaml_node *node = r->levels[r->depth].node;

	r->depth--;
	if (node->kind == YAML_MAP && node->count > 16)
		duplicates_large(r, node);
	else if (node->kind == YAML_MAP)
		duplicates_small(r, node);
}

/* ---- what libyaml refuses */

static bool line_indents_with_tab(struct slice bytes, uint32_t line)
{
	const char *at = bytes.data, *end = bytes.data + bytes.size_bytes;

	for (uint32_t i = 1; i < line && at; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	while (at && at < end && *at == ' ')
		at++;
	return at && at < end && *at == '\t';
}

/* libyaml's sentences that people meet most, and what to do about them. */
static const char *syntax_hint(const char *problem)
{
	static const struct {
		const char *problem, *hint;
	} hints[] = {
		{"mapping values are not allowed", "a text with \": \" in it needs quotes, or the "
						   "line before is indented differently"},
		{"did not find expected key", "look at the indentation of this line and the one "
					      "before"},
		{"did not find expected '-'", "entries of a list stand in one column"},
		{"could not find expected ':'", "a key needs a colon and a blank behind it"},
		{"found character that cannot start", "quote the text: it begins with a character "
						      "that YAML keeps for itself"},
		{"found unexpected end of stream", "a quote or bracket is not closed"},
	};

	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (strstr(problem, hints[i].problem))
			return hints[i].hint;
	return "";
}

static void parser_refused(struct reader *r, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "cannot be read";
	struct place at = place_of(parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR) {
		r->arena->failed = r->stopped = true;
		return;
	}
	if (parser->error == YAML_READER_ERROR)
		at = place_in(r->bytes, parser->problem_offset < r->bytes.size_bytes
						? parser->problem_offset
						: r->bytes.size_bytes);
	if (line_indents_with_tab(r->bytes, at.line)) {
		stop(r, PROBLEM_TAB, at, "a tab stands where spaces must");
		problem_hint(r->problems, "indent with spaces");
	} else if (strstr(problem, "undefined alias"))
		stop(r, PROBLEM_ALIAS, at, "aliases are refused");
	else {
		stop(r, PROBLEM_SYNTAX, at, problem);
		problem_hint(r->problems, "%s", syntax_hint(problem));
	}
}

/* ---- the stream */

static void event_take(struct reader *r, const yaml_event_t *e)
{
	struct place at = place_of(e->start_mark);

	switch (e->type) {
	case YAML_ALIAS_EVENT:
		is_refused(r, e->data.alias.anchor, NULL, at);
		break;
	case YAML_SCALAR_EVENT:
		scalar_take(r, e);
		break;
	case YAML_SEQUENCE_START_EVENT:
		level_open(r, YAML_LIST, e->data.sequence_start.anchor, e->data.sequence_start.tag,
			   at);
		break;
	case YAML_MAPPING_START_EVENT:
		level_open(r, YAML_MAP, e->data.mapping_start.anchor, e->data.mapping_start.tag,
			   at);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		level_close(r);
		break;
	default:
		break;
	}
}

static void stream_read(struct reader *r, yaml_parser_t *parser)
{
	bool ended = false;

	while (!ended && !r->stopped) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event)) {
			parser_refused(r, parser);
			return;
		}
		ended = event.type == YAML_STREAM_END_EVENT;
		event_take(r, &event);
		yaml_event_delete(&event);
	}
}

/* Leaves out documents of nothing and, after an error, the one it is in. */
static void documents_clean(struct reader *r)
{
	struct yaml_node *list = r->levels[0].node, **at = &list->first;

	while (*at) {
		bool cut = r->stopped && !(*at)->next;

		if ((*at)->kind == YAML_NULL || cut) {
			*at = (*at)->next;
			list->count--;
		} else {
			at = &(*at)->next;
		}
	}
}

struct yaml_node *yaml_read(struct slice bytes, struct arena *arena, struct problem_sink *problems)
{
	struct reader r = {.arena = arena, .problems = problems, .bytes = bytes};
	struct yaml_node *list = arena_take(arena, sizeof(*list));
	yaml_parser_t parser;

	if (!list)
		return NULL;
	list->kind = YAML_LIST;
	r.levels[0] = (struct level){.node = list, .last = &list->first};
	if (slice_starts_with(bytes, SLICE("\xef\xbb\xbf")))
		r.bytes = (struct slice){bytes.data + 3, bytes.size_bytes - 3};
	if (!bytes_check(&r))
		return list;
	if (!yaml_parser_initialize(&parser)) {
		arena->failed = true;
		return NULL;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const yaml_char_t *)r.bytes.data,
				     r.bytes.size_bytes);
	stream_read(&r, &parser);
	yaml_parser_delete(&parser);
	documents_clean(&r);
	return arena->failed ? NULL : list;
}

const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
	size_t size_bytes = strlen(key);

	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *n = map->first; n; n = n->next)
		if (n->key.size_bytes == size_bytes && !memcmp(n->key.data, key, size_bytes))
			return n;
	return NULL;
}

/* Decimal, with at most one point and an exponent. */
static bool is_number(const char *s)
{
	size_t whole, part = 0;

	s += *s == '-' || *s == '+';
	whole = strspn(s, "0123456789");
	s += whole;
	if (*s == '.')
		s += 1 + (part = strspn(s + 1, "0123456789"));
	if (!whole && !part)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		part = strspn(s, "0123456789");
		return part && !s[part];
	}
	return !*s;
}

const char *yaml_describe(const struct yaml_node *node)
{
	switch ((enum yaml_kind)node->kind) {
	case YAML_NULL:
		return "nothing";
	case YAML_LIST:
		return "a list";
	case YAML_MAP:
		return "a map";
	case YAML_TEXT:
		break;
	}
	if (!node->plain)
		return "a text";
	if (text_is(node->text, "true") || text_is(node->text, "false"))
		return "true or false";
	return is_number(node->text.data) ? "a number" : "a text";
}

/* What YAML 1.1 takes for true and false beside these two. */
static bool is_switch(struct slice text)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct slice word = slice_of(words[i]);
		struct slice rest = {text.data + 1, text.size_bytes - 1};
		struct slice tail = {words[i] + 1, word.size_bytes - 1};
		bool upper = text.size_bytes > 1 && rest.data[0] < 'a';

		/* yes, Yes and YES, but not yEs */
		if (slice_equal_nocase(text, word) &&
		    (upper ? text.data[0] < 'a' : slice_equal(rest, tail)))
			return true;
	}
	return false;
}

/* 0x1f, 0b11, 0o17, 1_000 */
static bool is_odd_number(const char *s)
{
	s += *s == '-' || *s == '+';
	if (s[0] == '0' && s[1] && strchr("xX", s[1]) && s[2])
		return !s[2 + strspn(s + 2, "0123456789abcdefABCDEF_")];
	if (s[0] == '0' && s[1] && strchr("bo", s[1]) && s[2])
		return !s[2 + strspn(s + 2, "01234567_")];
	return *s >= '0' && *s <= '9' && !s[strspn(s, "0123456789_")];
}

const char *yaml_mistaken(const struct yaml_node *node)
{
	if (node->kind != YAML_TEXT || !node->plain || !node->text.size_bytes)
		return NULL;
	if (is_switch(node->text))
		return "true or false";
	return is_number(node->text.data) || is_odd_number(node->text.data) ? "a number" : NULL;
}
