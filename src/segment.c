/*
 * segment.c: segment maps, and rfm_segment() which looks a score up in one.
 *
 * A map is data: one row of custprio.segment_map per segment, with the codes that fall into it. A map is only useful
 * when it is a partition of all codes, because published rule sets often are not (rules overlap, codes are forgotten,
 * segments cannot be reached) and nobody notices. So the same check runs when a map is defined and when it is loaded;
 * after that a lookup is one array access.
 *
 * The table is read and written as the extension's owner: every role may define a map, none may write the table.
 */
#include "custprio.h"
#include "segment.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "scorecard.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define CODES_SHOWN 5			/* offending codes that a message lists */

PG_FUNCTION_INFO_V1(custprio_create_segment_map);
PG_FUNCTION_INFO_V1(custprio_drop_segment_map);
PG_FUNCTION_INFO_V1(custprio_rfm_segment);

/* One segment of a map that is not checked yet. Codes are valid scores, perhaps outside the map's bins. */
typedef struct Segment
{
	char	   *name;
	int			n_codes;
	RfmScore   *codes;
} Segment;

/* Where a map comes from decides what a fault in it means. */
typedef struct MapSource
{
	const char *map;
	int			sqlstate;
	const char *hint;
} MapSource;

/* Codes to name in an error message. */
typedef struct CodeList
{
	int			n;
	StringInfoData text;
} CodeList;

static void
code_list_add(CodeList *list, int code)
{
	if (list->n == 0)
		initStringInfo(&list->text);
	if (list->n < CODES_SHOWN)
		appendStringInfo(&list->text, "%s%d", list->n > 0 ? ", " : "", code);
	else if (list->n == CODES_SHOWN)
		appendStringInfoString(&list->text, ", ...");
	list->n++;
}

/*
 * Fill in map->segment, and raise unless the segments are a partition of the map's codes: every code from 11..1 to
 * kk..k in exactly one of them, none outside, none of them empty, names unique.
 */
static void
map_fill(SegmentMap *map, List *segments, const MapSource *source)
{
	CodeList	outside = {0};
	CodeList	repeated = {0};
	CodeList	missing = {0};
	ListCell   *lc;

	if (list_length(segments) > map->bins * map->bins * map->bins)
		ereport(ERROR,
				(errcode(source->sqlstate),
				 errmsg("segment map \"%s\" has more segments than codes", source->map),
				 errdetail("It has %d segments for %d codes.", list_length(segments), map->bins * map->bins * map->bins),
				 errhint("%s", source->hint)));

	foreach(lc, segments)
	{
		Segment    *segment = (Segment *) lfirst(lc);

		if (segment->n_codes == 0)
			ereport(ERROR,
					(errcode(source->sqlstate),
					 errmsg("segment \"%s\" of segment map \"%s\" has no codes", segment->name, source->map),
					 errhint("%s", source->hint)));
		for (int i = 0; i < foreach_current_index(lc); i++)
			if (strcmp(((Segment *) list_nth(segments, i))->name, segment->name) == 0)
				ereport(ERROR,
						(errcode(source->sqlstate),
						 errmsg("segment map \"%s\" has two segments named \"%s\"", source->map, segment->name),
						 errhint("%s", source->hint)));

		for (int i = 0; i < segment->n_codes; i++)
		{
			RfmScore	code = segment->codes[i];

			if (!rfm_is_within(code, map->bins))
				code_list_add(&outside, code);
			else if (map->segment[code] != NULL)
				code_list_add(&repeated, code);
			else
				map->segment[code] = segment->name;
		}
	}
	for (int code = 0; code < RFM_LIMIT; code++)
		if (rfm_is_within(code, map->bins) && map->segment[code] == NULL)
			code_list_add(&missing, code);

	if (outside.n > 0)
		ereport(ERROR,
				(errcode(source->sqlstate),
				 errmsg("segment map \"%s\" names codes outside its %d bins", source->map, map->bins),
				 errdetail("Outside (%d): %s.", outside.n, outside.text.data),
				 errhint("%s", source->hint)));
	if (repeated.n > 0)
		ereport(ERROR,
				(errcode(source->sqlstate),
				 errmsg("segment map \"%s\" names codes more than once", source->map),
				 errdetail("Repeated (%d): %s.", repeated.n, repeated.text.data),
				 errhint("%s", source->hint)));
	if (missing.n > 0)
		ereport(ERROR,
				(errcode(source->sqlstate),
				 errmsg("segment map \"%s\" does not cover all codes of %d bins", source->map, map->bins),
				 errdetail("Missing (%d): %s.", missing.n, missing.text.data),
				 errhint("%s", source->hint)));
}

static void
raise_no_map(const char *map)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("segment map \"%s\" does not exist", map),
			 errhint("SELECT DISTINCT map FROM custprio.segment_map lists the maps.")));
}

/* Column of a row, which only a hand that changed the table can have made NULL. */
static Datum
column_not_null(HeapTuple row, TupleDesc desc, int column, const MapSource *source)
{
	bool		isnull;
	Datum		value = heap_getattr(row, column, desc, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(source->sqlstate),
				 errmsg("segment map \"%s\" has a row without a value for \"%s\"", source->map,
						NameStr(TupleDescAttr(desc, column - 1)->attname)),
				 errhint("%s", source->hint)));
	return value;
}

/* A map on its way from the table. */
typedef struct MapReader
{
	MapSource	source;
	SegmentMap *map;
	List	   *segments;		/* of Segment * */
} MapReader;

/* Take over one row (bins, split, segment, codes) of the map. */
static void
read_segment(HeapTuple row, TupleDesc desc, void *arg)
{
	MapReader  *reader = (MapReader *) arg;
	const MapSource *source = &reader->source;
	int			bins = DatumGetInt32(column_not_null(row, desc, 1, source));
	bool		by_mean = strcmp(TextDatumGetCString(column_not_null(row, desc, 2, source)), "mean") == 0;
	ArrayType  *codes = DatumGetArrayTypeP(column_not_null(row, desc, 4, source));
	Segment    *segment = palloc0(sizeof(Segment));
	Datum	   *values;
	bool	   *nulls;

	if (bins < SEGMENT_MIN_BINS || bins > SEGMENT_MAX_BINS ||
		(reader->segments != NIL && (bins != reader->map->bins || by_mean != reader->map->split_by_mean)))
		ereport(ERROR,
				(errcode(source->sqlstate),
				 errmsg("segment map \"%s\" has rows that disagree or a wrong number of bins", source->map),
				 errdetail("Row %d has %d bins.", list_length(reader->segments) + 1, bins),
				 errhint("%s", source->hint)));
	reader->map->bins = bins;
	reader->map->split_by_mean = by_mean;

	segment->name = TextDatumGetCString(column_not_null(row, desc, 3, source));
	deconstruct_array(codes, ARR_ELEMTYPE(codes), sizeof(RfmScore), true, TYPALIGN_SHORT,
					  &values, &nulls, &segment->n_codes);
	segment->codes = palloc(sizeof(RfmScore) * segment->n_codes);
	for (int i = 0; i < segment->n_codes; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(source->sqlstate),
					 errmsg("segment \"%s\" of segment map \"%s\" has a null code", segment->name, source->map),
					 errhint("%s", source->hint)));
		segment->codes[i] = DatumGetRfmScore(values[i]);
	}
	reader->segments = lappend(reader->segments, segment);
}

SegmentMap *
segment_map_load(const char *map)
{
	Oid			argtype = TEXTOID;
	Datum		value = CStringGetTextDatum(map);
	MapReader	reader = {{map, ERRCODE_DATA_CORRUPTED,
	"custprio.segment_map was changed by hand. Put its rows back, or drop the map and define it anew."}};

	reader.map = palloc0(sizeof(SegmentMap));
	if (catalog_select("SELECT bins, split, segment, codes FROM custprio.segment_map WHERE map = $1 ORDER BY position",
					   1, &argtype, &value, NULL, read_segment, &reader) == 0)
		raise_no_map(map);
	map_fill(reader.map, reader.segments, &reader.source);
	return reader.map;
}

/* Raise unless a name of a map or segment can be shown and typed. */
static void
check_name(const char *name, const char *what)
{
	size_t		length = strlen(name);
	bool		ok = length > 0 && length <= SEGMENT_NAME_MAX && name[0] != ' ' && name[length - 1] != ' ';

	for (const char *c = name; ok && *c != '\0'; c++)
		ok = (unsigned char) *c >= ' ' && *c != 0x7f;
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid %s name: \"%s\"", what, name),
				 errdetail("A name has 1 to %d bytes, no control characters, and no space at either end.",
						   SEGMENT_NAME_MAX)));
}

static void
raise_bad_json(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"segments\" is not a list of segments"),
			 errdetail("%s", detail),
			 errhint("Write it like [{\"segment\": \"Champions\", \"codes\": [\"555\", \"554\"]}, ...], best first.")));
}

/* A code written as a JSON string or number. */
static RfmScore
code_from_json(JsonbValue *value, const char *segment)
{
	char	   *text = NULL;

	if (value->type == jbvString)
		text = pnstrdup(value->val.string.val, value->val.string.len);
	else if (value->type == jbvNumeric)
		text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	else
		raise_bad_json(psprintf("A code of segment \"%s\" is neither a string nor a number.", segment));

	if (strlen(text) != 3 || strspn(text, "123456789") != 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid code \"%s\" in segment \"%s\"", text, segment),
				 errdetail("A code is exactly three digits from 1 to 9: recency, frequency, monetary.")));
	return rfm_pack(text[0] - '0', text[1] - '0', text[2] - '0');
}

/* One object {"segment": ..., "codes": [...]}; other keys are refused rather than ignored. */
static Segment *
segment_from_json(JsonbValue *value, int position)
{
	Segment    *segment = palloc0(sizeof(Segment));
	JsonbContainer *codes;
	JsonbValue	name;
	JsonbValue	list;

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) != 2 ||
		getKeyJsonValueFromContainer(value->val.binary.data, "segment", 7, &name) == NULL ||
		getKeyJsonValueFromContainer(value->val.binary.data, "codes", 5, &list) == NULL)
		raise_bad_json(psprintf("Element %d is not an object of \"segment\" and \"codes\".", position));
	if (name.type != jbvString)
		raise_bad_json(psprintf("\"segment\" of element %d is not a string.", position));
	segment->name = pnstrdup(name.val.string.val, name.val.string.len);
	check_name(segment->name, "segment");

	if (list.type != jbvBinary || !JsonContainerIsArray(list.val.binary.data))
		raise_bad_json(psprintf("\"codes\" of segment \"%s\" is not an array.", segment->name));
	codes = list.val.binary.data;
	segment->n_codes = JsonContainerSize(codes);
	segment->codes = palloc(sizeof(RfmScore) * segment->n_codes);
	for (int i = 0; i < segment->n_codes; i++)
		segment->codes[i] = code_from_json(getIthJsonbValueFromContainer(codes, i), segment->name);
	return segment;
}

/* The argument "segments" as a list of Segment, in its order. */
static List *
segments_from_json(Jsonb *json)
{
	List	   *segments = NIL;

	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		raise_bad_json("It is not a JSON array.");
	for (int i = 0; i < JB_ROOT_COUNT(json); i++)
		segments = lappend(segments, segment_from_json(getIthJsonbValueFromContainer(&json->root, i), i + 1));
	return segments;
}

/* Insert a checked map's rows, owned by the current user. */
static void
map_store(const char *name, const char *split, SegmentMap *map, List *segments)
{
	Oid			argtypes[] = {TEXTOID, INT4OID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID};
	int			n = list_length(segments);
	Datum	   *names = palloc(sizeof(Datum) * n);
	Datum	   *codes = palloc(sizeof(Datum) * n);
	Datum		values[6];
	int			stored;

	for (int i = 0; i < n; i++)
	{
		Segment    *segment = list_nth(segments, i);
		StringInfoData literal;

		initStringInfo(&literal);
		for (int j = 0; j < segment->n_codes; j++)
			appendStringInfo(&literal, "%c%d", j == 0 ? '{' : ',', segment->codes[j]);
		appendStringInfoChar(&literal, '}');
		names[i] = CStringGetTextDatum(segment->name);
		codes[i] = CStringGetTextDatum(literal.data);
	}
	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(map->bins);
	values[2] = CStringGetTextDatum(split);
	values[3] = PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[4] = PointerGetDatum(construct_array(codes, n, TEXTOID, -1, false, TYPALIGN_INT));
	values[5] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));

	/* ON CONFLICT also waits for a concurrent creator of the same name, so that it fails as clearly as the first. */
	stored = catalog_execute("INSERT INTO custprio.segment_map"
							 " (map, bins, split, position, segment, codes, built_in, owner_name)"
							 " SELECT $1, $2, $3, t.position, t.segment, t.codes::custprio.rfm_score[], false, $6"
							 " FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5))"
							 " WITH ORDINALITY AS t(segment, codes, position)"
							 " ON CONFLICT DO NOTHING",
							 6, argtypes, values, NULL);
	if (stored != n)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("segment map \"%s\" already exists", name),
				 errhint("Choose another name, or remove the old map with drop_segment_map().")));
}

/* Raise on NULL for an argument that has no meaning without a value. */
static void
check_not_null(FunctionCallInfo fcinfo, int argno, const char *name)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* create_segment_map(map text, bins int, segments jsonb, split text) */
Datum
custprio_create_segment_map(PG_FUNCTION_ARGS)
{
	SegmentMap *map = palloc0(sizeof(SegmentMap));
	MapSource	source = {NULL, ERRCODE_INVALID_PARAMETER_VALUE, NULL};
	List	   *segments;
	char	   *name;
	char	   *split;

	check_not_null(fcinfo, 0, "map");
	check_not_null(fcinfo, 1, "bins");
	check_not_null(fcinfo, 2, "segments");
	check_not_null(fcinfo, 3, "split");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	map->bins = PG_GETARG_INT32(1);
	split = text_to_cstring(PG_GETARG_TEXT_PP(3));
	map->split_by_mean = strcmp(split, "mean") == 0;

	check_name(name, "segment map");
	/* A later version's built-in must not meet a user's map of the same name, nor a restore find one. */
	if (strncmp(name, "rfm_", 4) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("unacceptable segment map name \"%s\"", name),
				 errdetail("The prefix \"rfm_\" is reserved for built-in maps, which cannot be changed."),
				 errhint("Create a map of your own under another name.")));
	if (map->bins < SEGMENT_MIN_BINS || map->bins > SEGMENT_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"bins\" must be from %d to %d", SEGMENT_MIN_BINS, SEGMENT_MAX_BINS),
				 errdetail("It is %d.", map->bins)));
	if (!map->split_by_mean && strcmp(split, "quantile") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"split\" must be \"quantile\" or \"mean\""),
				 errdetail("It is \"%s\".", split)));
	if (map->split_by_mean && map->bins != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a segment map that splits by the mean must have 2 bins"),
				 errdetail("Argument \"bins\" is %d.", map->bins),
				 errhint("Values are either above the mean or not. For more bins use split => 'quantile'.")));

	segments = segments_from_json(PG_GETARG_JSONB_P(2));
	source.map = name;
	source.hint = psprintf("Every code from 111 to %d, with digits 1 to %d, must be in exactly one segment.",
						   map->bins * 111, map->bins);
	map_fill(map, segments, &source);
	map_store(name, split, map, segments);
	PG_RETURN_VOID();
}

/* The map to drop, as name and name of the owner. */
typedef struct DropTarget
{
	const char *map;
	Datum		values[2];
	char		nulls[2];
} DropTarget;

/* Note the owner in a row (built_in, owner_name), and refuse a map that the current user may not drop. */
static void
check_may_drop(HeapTuple row, TupleDesc desc, void *arg)
{
	DropTarget *target = (DropTarget *) arg;
	Oid			owner = InvalidOid;
	bool		isnull;
	Datum		value = heap_getattr(row, 1, desc, &isnull);

	if (!isnull && DatumGetBool(value))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("segment map \"%s\" is built in and cannot be dropped", target->map),
				 errhint("Create a map of your own and name it in the scorecard.")));

	value = heap_getattr(row, 2, desc, &isnull);
	target->nulls[1] = isnull ? 'n' : ' ';
	if (!isnull)
	{
		char	   *owner_name = TextDatumGetCString(value);

		target->values[1] = CStringGetTextDatum(owner_name);
		owner = get_role_oid(owner_name, true);
	}
	if (!(OidIsValid(owner) && has_privs_of_role(GetUserId(), owner)) &&
		!has_privs_of_role(GetUserId(), custprio_extension_owner()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of segment map \"%s\"", target->map)));
}

/* Refuse to drop a map for which there is a row (name) of a scorecard; arg is the map's name. */
static void
raise_map_in_use(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;
	Datum		name = heap_getattr(row, 1, desc, &isnull);

	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("cannot drop segment map \"%s\" because a scorecard uses it", (const char *) arg),
			 errdetail("Scorecard \"%s\" uses it.", isnull ? "" : TextDatumGetCString(name)),
			 errhint("Give the scorecard another map with alter_scorecard() first.")));
}

/* drop_segment_map(map text) */
Datum
custprio_drop_segment_map(PG_FUNCTION_ARGS)
{
	Oid			argtypes[] = {TEXTOID, TEXTOID};
	DropTarget	target = {0};
	char	   *map;

	check_not_null(fcinfo, 0, "map");
	map = text_to_cstring(PG_GETARG_TEXT_PP(0));
	target.map = map;
	target.values[0] = PG_GETARG_DATUM(0);
	target.nulls[0] = ' ';

	if (catalog_select("SELECT built_in, owner_name FROM custprio.segment_map WHERE map = $1",
					   1, argtypes, target.values, NULL, check_may_drop, &target) == 0)
		raise_no_map(map);

	/*
	 * Delete before looking for users: a scorecard created meanwhile either holds a row lock or finds no map. And
	 * delete only what was checked, not what somebody else put in its place while we waited for a lock.
	 */
	if (catalog_execute("DELETE FROM custprio.segment_map WHERE map = $1 AND owner_name IS NOT DISTINCT FROM $2",
						2, argtypes, target.values, target.nulls) == 0)
		raise_no_map(map);
	catalog_select("SELECT name FROM custprio.scorecard WHERE segment_map = $1 ORDER BY name LIMIT 1",
				   1, argtypes, target.values, NULL, raise_map_in_use, map);
	PG_RETURN_VOID();
}

/* A map that rfm_segment() has loaded. */
typedef struct LoadedMap
{
	struct LoadedMap *next;
	text	   *name;
	SegmentMap *map;
} LoadedMap;

/*
 * What rfm_segment() keeps between calls: the maps loaded so far and the snapshot they were read with. A query has one
 * snapshot and so loads a map once; an expression of PL/pgSQL outlives statements and must see what they changed.
 */
typedef struct MapCache
{
	MemoryContext context;
	LoadedMap  *maps;
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
} MapCache;

static void
cache_follow_snapshot(MapCache *cache)
{
	Snapshot	snapshot = GetActiveSnapshot();

	if (cache->maps != NULL && cache->xmin == snapshot->xmin && cache->xmax == snapshot->xmax &&
		cache->xcnt == snapshot->xcnt && cache->subxcnt == snapshot->subxcnt && cache->curcid == snapshot->curcid)
		return;

	MemoryContextReset(cache->context);
	cache->maps = NULL;
	cache->xmin = snapshot->xmin;
	cache->xmax = snapshot->xmax;
	cache->xcnt = snapshot->xcnt;
	cache->subxcnt = snapshot->subxcnt;
	cache->curcid = snapshot->curcid;
}

/* The map of a name, from the cache or the table. */
static SegmentMap *
cache_lookup(FunctionCallInfo fcinfo, text *name)
{
	MapCache   *cache = fcinfo->flinfo->fn_extra;
	LoadedMap  *loaded;
	MemoryContext caller;

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(MapCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "custprio segment maps", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = cache;
	}
	cache_follow_snapshot(cache);
	for (loaded = cache->maps; loaded != NULL; loaded = loaded->next)
		if (VARSIZE_ANY_EXHDR(loaded->name) == VARSIZE_ANY_EXHDR(name) &&
			memcmp(VARDATA_ANY(loaded->name), VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) == 0)
			return loaded->map;

	caller = MemoryContextSwitchTo(cache->context);
	loaded = palloc(sizeof(LoadedMap));
	loaded->name = (text *) PG_DETOAST_DATUM_COPY(PointerGetDatum(name));
	loaded->map = segment_map_load(text_to_cstring(name));
	loaded->next = cache->maps;
	cache->maps = loaded;
	MemoryContextSwitchTo(caller);
	return loaded->map;
}

/* rfm_segment(score rfm_score, map text) */
Datum
custprio_rfm_segment(PG_FUNCTION_ARGS)
{
	RfmScore	score = PG_GETARG_RFM_SCORE(0);
	text	   *name = PG_GETARG_TEXT_PP(1);
	SegmentMap *map = cache_lookup(fcinfo, name);

	if (!rfm_is_within(score, map->bins))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("RFM score %d is outside segment map \"%s\"", score, text_to_cstring(name)),
				 errdetail("The map covers digits 1 to %d.", map->bins),
				 errhint("Score with %d bins, or choose a map for the bins you have.", map->bins)));
	PG_RETURN_TEXT_P(cstring_to_text(map->segment[score]));
}
