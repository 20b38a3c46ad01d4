# quire_embed(<prefix> <file>...): files of the source tree as arrays in <build>/embedded/<prefix>.inc,
# named <prefix>_<file with underscores>. For what the program writes out again, such as the skeleton
# of a plugin, which so stays a file that compiles.
function(quire_embed prefix)
    set(text "")
    foreach(file IN LISTS ARGN)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
        get_filename_component(name "${file}" NAME)
        string(MAKE_C_IDENTIFIER "${prefix}_${name}" name)
        file(READ "${file}" bytes HEX)
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
        string(APPEND text "static const unsigned char ${name}[] = {${bytes}};\n")
    endforeach()
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/embedded/${prefix}.inc" CONTENT "${text}" @ONLY)
endfunction()
