// The files of the web page, as constants of the program: they need no installation and no path, cost no memory before
// they are read, and a changed file is compiled again. Each file of SecamWeb/Page has an entry here; a test compares them.
//
// SwiftPM's resources do not serve: a bundle is a folder that must be installed beside the program, and `.embedInCode`
// makes array literals of Swift, which are slow to compile.

#include "CWebPage.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char secam_mjs[] = {
#embed "../SecamWeb/Page/secam.mjs"
};

static const unsigned char account_mjs[] = {
#embed "../SecamWeb/Page/account.mjs"
};

static const unsigned char camera_mjs[] = {
#embed "../SecamWeb/Page/camera.mjs"
};

static const unsigned char cameras_mjs[] = {
#embed "../SecamWeb/Page/cameras.mjs"
};

static const unsigned char connection_mjs[] = {
#embed "../SecamWeb/Page/connection.mjs"
};

static const unsigned char event_list_mjs[] = {
#embed "../SecamWeb/Page/event-list.mjs"
};

static const unsigned char icon_192_png[] = {
#embed "../SecamWeb/Page/icon-192.png"
};

static const unsigned char icon_512_png[] = {
#embed "../SecamWeb/Page/icon-512.png"
};

static const unsigned char icon_svg[] = {
#embed "../SecamWeb/Page/icon.svg"
};

static const unsigned char index_html[] = {
#embed "../SecamWeb/Page/index.html"
};

static const unsigned char keys_mjs[] = {
#embed "../SecamWeb/Page/keys.mjs"
};

static const unsigned char line_mjs[] = {
#embed "../SecamWeb/Page/line.mjs"
};

static const unsigned char live_mjs[] = {
#embed "../SecamWeb/Page/live.mjs"
};

static const unsigned char main_mjs[] = {
#embed "../SecamWeb/Page/main.mjs"
};

static const unsigned char manifest_webmanifest[] = {
#embed "../SecamWeb/Page/manifest.webmanifest"
};

static const unsigned char mode_mjs[] = {
#embed "../SecamWeb/Page/mode.mjs"
};

static const unsigned char painter_worker_mjs[] = {
#embed "../SecamWeb/Page/painter-worker.mjs"
};

static const unsigned char painter_mjs[] = {
#embed "../SecamWeb/Page/painter.mjs"
};

static const unsigned char picture_in_picture_mjs[] = {
#embed "../SecamWeb/Page/picture-in-picture.mjs"
};

static const unsigned char second_factor_mjs[] = {
#embed "../SecamWeb/Page/second-factor.mjs"
};

static const unsigned char session_mjs[] = {
#embed "../SecamWeb/Page/session.mjs"
};

static const unsigned char sign_in_mjs[] = {
#embed "../SecamWeb/Page/sign-in.mjs"
};

static const unsigned char style_css[] = {
#embed "../SecamWeb/Page/style.css"
};

static const unsigned char text_mjs[] = {
#embed "../SecamWeb/Page/text.mjs"
};

static const unsigned char tile_mjs[] = {
#embed "../SecamWeb/Page/tile.mjs"
};

static const unsigned char tokens_mjs[] = {
#embed "../SecamWeb/Page/tokens.mjs"
};

static const unsigned char wall_mjs[] = {
#embed "../SecamWeb/Page/wall.mjs"
};

static const unsigned char watches_mjs[] = {
#embed "../SecamWeb/Page/watches.mjs"
};

#define SECAM_FILE(path, type, bytes) {path, type, bytes, sizeof bytes}
#define SECAM_SCRIPT "text/javascript; charset=utf-8"
#define SECAM_STYLE "text/css; charset=utf-8"

static const struct secam_web_file files[] = {
    SECAM_FILE("account.mjs", SECAM_SCRIPT, account_mjs),
    SECAM_FILE("camera.mjs", SECAM_SCRIPT, camera_mjs),
    SECAM_FILE("cameras.mjs", SECAM_SCRIPT, cameras_mjs),
    SECAM_FILE("connection.mjs", SECAM_SCRIPT, connection_mjs),
    SECAM_FILE("event-list.mjs", SECAM_SCRIPT, event_list_mjs),
    SECAM_FILE("icon-192.png", "image/png", icon_192_png),
    SECAM_FILE("icon-512.png", "image/png", icon_512_png),
    SECAM_FILE("icon.svg", "image/svg+xml", icon_svg),
    SECAM_FILE("index.html", "text/html; charset=utf-8", index_html),
    SECAM_FILE("keys.mjs", SECAM_SCRIPT, keys_mjs),
    SECAM_FILE("line.mjs", SECAM_SCRIPT, line_mjs),
    SECAM_FILE("live.mjs", SECAM_SCRIPT, live_mjs),
    SECAM_FILE("main.mjs", SECAM_SCRIPT, main_mjs),
    SECAM_FILE("manifest.webmanifest", "application/manifest+json", manifest_webmanifest),
    SECAM_FILE("mode.mjs", SECAM_SCRIPT, mode_mjs),
    SECAM_FILE("painter-worker.mjs", SECAM_SCRIPT, painter_worker_mjs),
    SECAM_FILE("painter.mjs", SECAM_SCRIPT, painter_mjs),
    SECAM_FILE("picture-in-picture.mjs", SECAM_SCRIPT, picture_in_picture_mjs),
    SECAM_FILE("secam.mjs", SECAM_SCRIPT, secam_mjs),
    SECAM_FILE("second-factor.mjs", SECAM_SCRIPT, second_factor_mjs),
    SECAM_FILE("session.mjs", SECAM_SCRIPT, session_mjs),
    SECAM_FILE("sign-in.mjs", SECAM_SCRIPT, sign_in_mjs),
    SECAM_FILE("style.css", SECAM_STYLE, style_css),
    SECAM_FILE("text.mjs", SECAM_SCRIPT, text_mjs),
    SECAM_FILE("tile.mjs", SECAM_SCRIPT, tile_mjs),
    SECAM_FILE("tokens.mjs", SECAM_SCRIPT, tokens_mjs),
    SECAM_FILE("wall.mjs", SECAM_SCRIPT, wall_mjs),
    SECAM_FILE("watches.mjs", SECAM_SCRIPT, watches_mjs),
};

long secam_web_file_count(void) { return sizeof files / sizeof files[0]; }

struct secam_web_file secam_web_file(long index) { return files[index]; }
