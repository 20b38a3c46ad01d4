# Compiler flags. quire_flags is what every target of ours is compiled with; it is not installed.
# Warnings become errors where CMAKE_COMPILE_WARNING_AS_ERROR is set, as all presets do: a packager
# with a newer compiler and no preset only sees them.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

add_library(quire_flags INTERFACE)
target_compile_definitions(quire_flags INTERFACE
    _GNU_SOURCE
    QUIRE_VERIFY_EACH=$<BOOL:${QUIRE_VERIFY_EACH}>)

# A product and a sum are rounded separately, so that results do not depend on the machine.
target_compile_options(quire_flags INTERFACE
    -ffp-contract=off
    -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wundef -Wstrict-prototypes -Wmissing-prototypes)

if(QUIRE_SANITIZE)
    add_compile_options(-fsanitize=${QUIRE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${QUIRE_SANITIZE})
endif()
if(QUIRE_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
