# Layers, the library made of them, and the program.
#
# Each layer is an object library of src/<layer>/*.c. Its include path is a folder of links made
# here, holding only the layers it may use: an include of anything above does not compile.

set(layer_root "${PROJECT_BINARY_DIR}/layers")
file(REMOVE_RECURSE "${layer_root}")

# Kernels of one instruction set are files named after it, compiled for it whatever else is compiled
# for: the dispatcher calls them where the processor has it. Elsewhere they are left out. They are
# stamped from few bodies, which makes them long: with every check of UBSan in each, they take minutes
# to compile, so under sanitizers they carry those of addresses alone. For gcc these are calls, which
# find the same, and no build follows variables through the optimizer for the debugger's sake: both
# halve its time and leave the code, or the speed of the checks, as they were.
function(quire_instruction_sets variable)
    set(optimize -O2)
    if(QUIRE_SANITIZE)
        set(optimize -O1 -fno-sanitize=undefined)
    endif()
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        list(APPEND optimize -fno-var-tracking)
        if(QUIRE_SANITIZE)
            list(APPEND optimize --param=asan-instrumentation-with-call-threshold=0)
        endif()
    endif()
    set(flags_avx2 -mavx2 -mfma -mf16c)
    set(flags_avx512 ${flags_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl)
    foreach(isa IN ITEMS avx2 avx512)
        set(named ${${variable}})
        list(FILTER named INCLUDE REGEX "_${isa}\\.c$")
        if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
            set_source_files_properties(${named} PROPERTIES COMPILE_OPTIONS
                "${flags_${isa}};${optimize}")
        else()
            list(REMOVE_ITEM ${variable} ${named})
        endif()
    endforeach()
    set(${variable} ${${variable}} PARENT_SCOPE)
endfunction()

# quire_layer(<name> [<layer or `proto`>...])
function(quire_layer name)
    set(target quire_${name})
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.c")
    if(NOT sources)
        # An archive with nothing in it is still a target that others can name.
        add_library(${target} INTERFACE)
        return()
    endif()
    quire_instruction_sets(sources)
    add_library(${target} OBJECT ${sources})
    target_include_directories(${target} PRIVATE "${layer_root}/${name}"
                                                 "${PROJECT_SOURCE_DIR}/include")
    target_link_libraries(${target} PRIVATE quire_flags PkgConfig::XXHASH)
    if(name STREQUAL "passes")
        target_link_libraries(${target} PRIVATE PkgConfig::PCRE2 PkgConfig::JANSSON)
    endif()
    foreach(seen IN ITEMS ${name} ${ARGN})
        if(seen STREQUAL "proto")
            add_dependencies(${target} quire_proto_sources)
            target_include_directories(${target} SYSTEM PRIVATE "${PROJECT_BINARY_DIR}/proto")
            target_link_libraries(${target} PRIVATE PkgConfig::PROTOBUF_C)
        else()
            file(MAKE_DIRECTORY "${layer_root}/${name}")
            file(CREATE_LINK "${PROJECT_SOURCE_DIR}/src/${seen}" "${layer_root}/${name}/${seen}"
                 SYMBOLIC)
        endif()
    endforeach()
endfunction()

# Adds the objects of the layers to <target>, and what they need to link.
function(quire_add_layers target)
    foreach(layer IN LISTS ARGN)
        get_target_property(type quire_${layer} TYPE)
        if(type STREQUAL "OBJECT_LIBRARY")
            target_sources(${target} PRIVATE $<TARGET_OBJECTS:quire_${layer}>)
        endif()
        if(layer STREQUAL "graph")
            target_sources(${target} PRIVATE $<TARGET_OBJECTS:quire_proto>)
        endif()
    endforeach()
    target_link_libraries(${target} PRIVATE ${QUIRE_DEPENDENCIES})
endfunction()

# libquire: static unless BUILD_SHARED_LIBS, because the program and most embedders want one file
# without a search path; the objects are the same (position-independent, hidden but for QUIRE_API).
function(quire_library)
    add_library(quire)
    add_library(quire::quire ALIAS quire)
    quire_add_layers(quire ${ARGN})
    set_target_properties(quire PROPERTIES
        LINKER_LANGUAGE C VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    target_include_directories(quire INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# libquire_kernels: quire/kernels.h and quire/observe.h for programs that want nothing else. It needs
# the C library alone. The objects are those that are in libquire too.
function(quire_kernels_library)
    add_library(quire_kernels_library)
    add_library(quire::kernels ALIAS quire_kernels_library)
    target_sources(quire_kernels_library PRIVATE $<TARGET_OBJECTS:quire_kernels>)
    target_link_libraries(quire_kernels_library PUBLIC m)
    set_target_properties(quire_kernels_library PROPERTIES
        OUTPUT_NAME quire_kernels EXPORT_NAME kernels LINKER_LANGUAGE C
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    target_include_directories(quire_kernels_library INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

# libquire_ort.so, which ONNX Runtime loads at run time: one symbol is visible, nothing is linked but
# the C library, and of the runtime not even a header is needed (src/ort/ort_api.h).
function(quire_ort_library)
    add_library(quire_ort_library MODULE)
    foreach(layer IN LISTS ARGN)
        target_sources(quire_ort_library PRIVATE $<TARGET_OBJECTS:quire_${layer}>)
    endforeach()
    set(map "${PROJECT_SOURCE_DIR}/src/ort/exports.map")
    target_link_libraries(quire_ort_library PRIVATE m)
    target_link_options(quire_ort_library PRIVATE "LINKER:--version-script=${map}")
    if(NOT QUIRE_SANITIZE)
        target_link_options(quire_ort_library PRIVATE "LINKER:-z,defs")
    endif()
    set_target_properties(quire_ort_library PROPERTIES
        OUTPUT_NAME quire_ort LINKER_LANGUAGE C LINK_DEPENDS "${map}")
endfunction()

# The program sees every layer and lands at <build>/quire.
function(quire_program)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/*.c")
    if(NOT sources)
        return()
    endif()
    quire_embed(skeleton
        "${PROJECT_SOURCE_DIR}/tools/skeleton/quantizer.c"
        "${PROJECT_SOURCE_DIR}/tools/skeleton/CMakeLists.txt"
        "${PROJECT_SOURCE_DIR}/tools/skeleton/README.md")
    add_executable(quire_program ${sources})
    quire_add_layers(quire_program ${ARGN})
    target_link_libraries(quire_program PRIVATE quire_flags)
    target_include_directories(quire_program PRIVATE
        "${PROJECT_SOURCE_DIR}/tools" "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include"
        "${PROJECT_BINARY_DIR}/embedded")
    set_target_properties(quire_program PROPERTIES OUTPUT_NAME quire)
endfunction()
