# Processors that this machine is not: the kernels' tests, linked without Check (check.h stands in for
# it), for an emulated x86-64 with AVX-512 and for arm64.
set(emulated_tests "property/test_bag_ways.c every 3" emulated/bytes.c unit/test_bags.c
    unit/test_fused.c unit/test_rows.c unit/test_observe.c unit/test_fake_quantize.c)
set(emulated_support support/fenced.c support/bag_table.c support/bag_question.c)
list(TRANSFORM emulated_tests PREPEND tests/)
list(TRANSFORM emulated_support PREPEND tests/)

# quire_emulated_program(<target> <source>...): static, for a system with nothing else on it.
function(quire_emulated_program target)
    add_executable(${target} EXCLUDE_FROM_ALL ${ARGN})
    target_link_libraries(${target} PRIVATE quire_flags m)
    target_link_options(${target} PRIVATE -static)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests/emulated"
        "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests")
endfunction()

# What runs in Bochs is what has AVX-512 in it, optimized in every build: it is slow enough.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    quire_emulated_program(emulated_init emulated/init.c)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/kernels/*.c")
    quire_instruction_sets(sources)
    add_library(emulated_kernels OBJECT EXCLUDE_FROM_ALL ${sources})
    target_link_libraries(emulated_kernels PRIVATE quire_flags)
    target_compile_options(emulated_kernels PRIVATE
        -O2 -include "${PROJECT_SOURCE_DIR}/tests/emulated/bochs.h" -Wno-unused-function)
    target_include_directories(emulated_kernels PRIVATE
        "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
    list(TRANSFORM emulated_support PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE support)
    foreach(name IN ITEMS emulated/bytes unit/test_bags property/test_bag_ways)
        get_filename_component(program "${name}" NAME)
        quire_emulated_program(emulated_${program} ${name}.c ${support}
            $<TARGET_OBJECTS:emulated_kernels>)
        target_compile_options(emulated_${program} PRIVATE -O2)
        list(APPEND programs $<TARGET_FILE:emulated_${program}>)
    endforeach()
    add_custom_target(avx512-emulated
        COMMAND sh tests/emulated/avx512.sh "${CMAKE_CURRENT_BINARY_DIR}/avx512"
            $<TARGET_FILE:emulated_init> ${programs}
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" USES_TERMINAL VERBATIM)
endif()

if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    add_executable(kernels_bytes emulated/bytes.c $<TARGET_OBJECTS:quire_kernels>)
    target_link_libraries(kernels_bytes PRIVATE quire_flags m)
    target_include_directories(kernels_bytes PRIVATE
        "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
    string(REPLACE ";" " " support "${emulated_support}")
    set(command sh tests/emulated/arm64.sh "${CMAKE_CURRENT_BINARY_DIR}/arm64"
        $<TARGET_FILE:kernels_bytes> "${support}" ${emulated_tests})
    add_custom_target(arm64 COMMAND ${command} DEPENDS kernels_bytes
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" USES_TERMINAL VERBATIM)
    quire_test(arm64 LABEL conformance COMMAND ${command})
endif()
