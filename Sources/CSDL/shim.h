#pragma once

// Keeps SDL from replacing the program's main function.
#define SDL_MAIN_HANDLED
// Swift cannot import the processor intrinsics, which are not needed.
#define SDL_DISABLE_IMMINTRIN_H 1
#define SDL_DISABLE_XMMINTRIN_H 1
#define SDL_DISABLE_EMMINTRIN_H 1
#define SDL_DISABLE_PMMINTRIN_H 1
#define SDL_DISABLE_MMINTRIN_H 1
#define SDL_DISABLE_MM3DNOW_H 1

#include <SDL2/SDL.h>

// Swift does not import macros with casts and expressions.
static const int secam_SDL_WINDOWPOS_CENTERED = SDL_WINDOWPOS_CENTERED;
static const Uint32 secam_SDL_PIXELFORMAT_IYUV = SDL_PIXELFORMAT_IYUV;
