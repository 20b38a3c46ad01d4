/* parse_head.c - the heads of models and functions: `<ir_version: 8, opset_import: ["" : 17],
 * ...>`. */
#include "graph/fields.h"
#include "graph/text.h"

const quire_text_key quire_text_model_keys[] = {
    {"ir_version", MODEL_IR_VERSION, 'i'},
    {"opset_import", MODEL_OPSET_IMPORT, 'o'},
    {"producer_name", 2, 's'},
    {"producer_version", 3, 's'},
    {"domain", 4, 's'},
    {"model_version", 5, 'i'},
    {"doc_string", 6, 's'},
    {"metadata_props", 14, 'm'},
    {NULL, 0, 0},
};

const quire_text_key quire_text_function_keys[] = {
    {"domain", FUNCTION_DOMAIN, 's'},
    {"overload", FUNCTION_OVERLOAD, 's'},
    {"opset_import", FUNCTION_OPSET_IMPORT, 'o'},
    {"doc_string", 8, 's'},
    {NULL, 0, 0},
};

/* `["" : 17, "x" : 1]` or `["key": "value"]`: messages of two fields each. */
static quire_status
parse_pairs(quire_text_parser *t, const quire_text_key *k, quire_text_message *m)
{
    QUIRE_TRY(quire_text_expect(t, '['));
    if (quire_text_match(t, ']')) return QUIRE_OK;
    do {
        quire_text_message pair = {NULL, NULL};
        quire_bytes text;
        int64_t version;
        QUIRE_TRY(quire_text_string(t, &text));
        QUIRE_TRY(quire_text_put_bytes(&t->build, &pair, 1, text));
        QUIRE_TRY(quire_text_expect(t, ':'));
        if (k->kind == 'o') {
            QUIRE_TRY(quire_text_int(t, &version));
            QUIRE_TRY(quire_text_put_int(&t->build, &pair, OPSET_VERSION, version));
        } else {
            QUIRE_TRY(quire_text_string(t, &text));
            QUIRE_TRY(quire_text_put_bytes(&t->build, &pair, ENTRY_VALUE, text));
        }
        QUIRE_TRY(quire_text_put_leaf(&t->build, m, k->number, &pair));
    } while (quire_text_match(t, ','));
    return quire_text_expect(t, ']');
}

static quire_status
parse_key(quire_text_parser *t, const quire_text_key *keys, quire_text_message *m)
{
    const quire_bytes word = quire_text_peek_word(t);
    const quire_text_key *k = keys;
    quire_bytes text;
    int64_t i;
    while (k->word != NULL && !quire_bytes_equal(word, quire_bytes_of(k->word)))
        k++;
    if (k->word == NULL) {
        return quire_text_fail(t, "expected a property of a %s, such as %s",
                               keys == quire_text_model_keys ? "model" : "function",
                               keys == quire_text_model_keys ? "ir_version or opset_import"
                                                             : "domain or opset_import");
    }
    t->p += word.len;
    QUIRE_TRY(quire_text_expect(t, ':'));
    if (k->kind == 'i') {
        QUIRE_TRY(quire_text_int(t, &i));
        return quire_text_put_int(&t->build, m, k->number, i);
    }
    if (k->kind != 's') return parse_pairs(t, k, m);
    QUIRE_TRY(quire_text_string(t, &text));
    return quire_text_put_bytes(&t->build, m, k->number, text);
}

static quire_status
parse_head(quire_text_parser *t, const quire_text_key *keys, quire_text_message *m)
{
    if (!quire_text_match(t, '<')) return QUIRE_OK;
    do {
        QUIRE_TRY(parse_key(t, keys, m));
    } while (quire_text_match(t, ','));
    return quire_text_expect(t, '>');
}

quire_status
quire_text_parse_model_head(quire_text_parser *t, quire_text_message *m)
{
    return parse_head(t, quire_text_model_keys, m);
}

quire_status
quire_text_parse_function_head(quire_text_parser *t, quire_text_message *m)
{
    QUIRE_TRY(parse_head(t, quire_text_function_keys, m));
    return quire_text_parse_signature(t, m);
}
