# layout.awk - makes a program of plugin.h, which prints where every member of every struct lies,
# how it is declared, and the value of every constant. Plugins that exist were compiled with
# those.
#
# The header is as clang-format leaves it: typedef struct NAME { MEMBERS } NAME; and enum { ... };

{ text = text $0 "\n" }

# Without comments and lines of the preprocessor; blanks are single.
function plain(s,    a, b, lines, n, i, out) {
    while ((a = index(s, "/*")) > 0) {
        b = index(substr(s, a), "*/")
        s = substr(s, 1, a - 1) " " substr(s, a + b + 1)
    }
    n = split(s, lines, "\n")
    out = ""
    for (i = 1; i <= n; i++) {
        if (lines[i] !~ /^#/ && lines[i - 1] !~ /\\$/) out = out " " lines[i]
    }
    gsub(/[ \t]+/, " ", out)
    return out
}

# The last word of a declarator, or what stands in (*NAME)(.
function name_of(s) {
    if (match(s, /\(\*[a-z_]+\)\(/)) return substr(s, RSTART + 2, RLENGTH - 4)
    match(s, /[a-z_0-9]+ *$/)
    s = substr(s, RSTART, RLENGTH)
    gsub(/ /, "", s)
    return s
}

function member(struct, name, said) {
    gsub(/^ | $/, "", said)
    gsub(/"/, "\\\"", said)
    printf "    M(%s, %s, \"%s\");\n", struct, name, said
}

function members(struct, body,    decls, parts, n, k, i, j) {
    printf "    S(%s);\n", struct
    n = split(body, decls, ";")
    for (i = 1; i < n; i++) {
        if (decls[i] ~ /\(\*/) {
            member(struct, name_of(decls[i]), decls[i])
        } else {
            k = split(decls[i], parts, ",")
            for (j = 1; j <= k; j++)
                member(struct, name_of(parts[j]), decls[i])
        }
    }
}

function constants(body,    parts, n, i) {
    n = split(body, parts, ",")
    for (i = 1; i <= n; i++) {
        sub(/=.*/, "", parts[i])
        gsub(/ /, "", parts[i])
        if (parts[i] != "") printf "    C(%s);\n", parts[i]
    }
}

END {
    print "#include <stdio.h>\n"
    print "#include HEADER\n"
    print "#define S(type) printf(\"%s %zu\\n\", #type, sizeof(type))"
    print "#define M(type, member, said) printf(\"  %-20s at %3zu, %2zu: %s\\n\", #member, \\"
    print "    offsetof(type, member), sizeof(((type *)0)->member), said)"
    print "#define C(name) printf(\"%s = %lld\\n\", #name, (long long)name)\n"
    print "int\nmain(void)\n{"
    print "    if (sizeof(void *) != 8) return 77; /* the numbers are those of 64-bit systems */"
    rest = text
    while (match(rest, /#define QUIRE_[A-Z_]+_1 "[^"]*"/)) {
        split(substr(rest, RSTART, RLENGTH), words, " ")
        printf "    printf(\"%%s = %%s\\n\", \"%s\", %s);\n", words[2], words[2]
        rest = substr(rest, RSTART + RLENGTH)
    }
    print "    C(QUIRE_ABI_MAJOR);\n    C(QUIRE_ABI_MINOR);"
    rest = plain(text)
    while (match(rest, /(typedef struct [a-z_]+|enum) \{[^}]*\}/)) {
        found = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        open = index(found, "{")
        body = substr(found, open + 1, length(found) - open - 1)
        if (found ~ /^enum/) {
            constants(body)
        } else {
            split(found, words, " ")
            members(words[3], body)
        }
    }
    print "    return 0;\n}"
}
