# What quire needs at run time: libprotobuf-c, libxxhash, PCRE2 (selectors), Jansson (rules), libm, and
# the dynamic loader (plugins). Tests also need Check; without it,
# QUIRE_TESTS=AUTO builds everything else.
find_package(PkgConfig REQUIRED)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.12)
set(QUIRE_DEPENDENCIES PkgConfig::PROTOBUF_C PkgConfig::XXHASH PkgConfig::PCRE2 PkgConfig::JANSSON
    ${CMAKE_DL_LIBS} m)
find_program(PROTOC_C protoc-c REQUIRED DOC "Compiler of proto/onnx.proto (protobuf-c-compiler)")

if(QUIRE_TESTS STREQUAL "AUTO" AND PROJECT_IS_TOP_LEVEL)
    pkg_check_modules(CHECK IMPORTED_TARGET check)
elseif(QUIRE_TESTS AND NOT QUIRE_TESTS STREQUAL "AUTO")
    pkg_check_modules(CHECK REQUIRED IMPORTED_TARGET check)
endif()
