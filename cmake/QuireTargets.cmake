# Targets that are asked for by name: format, sizes, coverage-report, bench, bench-quantize.
find_program(PYTHON3 NAMES python3 DOC "Any Python 3, for the house checks")
find_program(CLANG_FORMAT NAMES clang-format)

file(GLOB_RECURSE quire_c_files CONFIGURE_DEPENDS
    include/*.h src/*.[ch] tools/*.[ch] examples/*.[ch] tests/*.[ch])
if(CLANG_FORMAT)
    add_custom_target(format
        COMMAND "${CLANG_FORMAT}" -i ${quire_c_files}
        COMMENT "Formatting all C files" VERBATIM)
endif()

if(PYTHON3)
    add_custom_target(sizes
        COMMAND "${PYTHON3}" tests/house/function_sizes.py src tools
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" USES_TERMINAL VERBATIM)
endif()

if(PYTHON3 AND QUIRE_COVERAGE)
    add_custom_target(coverage-report
        COMMAND "${PYTHON3}" tests/house/coverage.py . "${PROJECT_BINARY_DIR}"
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" USES_TERMINAL VERBATIM)
endif()

if(PYTHON3 AND TARGET quire_program)
    add_custom_target(bench
        COMMAND "${PYTHON3}" tests/bench/run.py --quire $<TARGET_FILE:quire_program>
                --work "${PROJECT_BINARY_DIR}"
        COMMAND "${PYTHON3}" tests/bench/chains.py --quire $<TARGET_FILE:quire_program>
                --work "${PROJECT_BINARY_DIR}"
        DEPENDS quire_program
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" USES_TERMINAL VERBATIM)
    # 4 GiB of table and 5 GiB of files, minutes: not part of `bench`.
    add_custom_target(bench-quantize
        COMMAND "${PYTHON3}" tests/bench/quantize.py --quire $<TARGET_FILE:quire_program>
                --work "${PROJECT_BINARY_DIR}"
        DEPENDS quire_program
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" USES_TERMINAL VERBATIM)
endif()
