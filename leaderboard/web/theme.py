"""The look of Gradio's own components: flat, thin rules, one accent, fonts that come with Gradio.

Everything else about the look is in `static/page.css`, which also holds the colours; this module only makes forms and
buttons follow them.
"""

from __future__ import annotations

from typing import Final

import gradio as gr

STAND_INS: Final = ("vp-arial", "vp-roboto", "vp-dejavu")
"""Fonts that may be on the visitor's machine, as wide as the pages' own (`static/page.css`)."""


def theme() -> gr.themes.Base:
    """Gradio's theme in the colours of the pages; the same names serve light and dark."""
    base = gr.themes.Base(
        font=[gr.themes.LocalFont("Source Sans Pro", weights=(400, 700)), *STAND_INS, "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
        radius_size=gr.themes.sizes.radius_sm,
        text_size=gr.themes.sizes.text_md,
    )
    ground, raised, ink, quiet = "var(--vp-ground)", "var(--vp-raised)", "var(--vp-ink)", "var(--vp-quiet)"
    line, accent = "var(--vp-line)", "var(--vp-accent)"
    colours = {
        "body_background_fill": ground,
        "body_text_color": ink,
        "body_text_color_subdued": quiet,
        "background_fill_primary": ground,
        "background_fill_secondary": raised,
        "block_background_fill": ground,
        "block_label_background_fill": ground,
        "block_label_text_color": ink,
        "block_title_text_color": ink,
        "block_info_text_color": quiet,
        "border_color_primary": line,
        "border_color_accent": accent,
        "color_accent": accent,
        "color_accent_soft": raised,
        "input_background_fill": ground,
        "input_background_fill_focus": ground,
        "input_border_color": line,
        "input_border_color_focus": accent,
        "input_placeholder_color": quiet,
        "link_text_color": accent,
        "link_text_color_hover": accent,
        "link_text_color_active": accent,
        "link_text_color_visited": accent,
        "checkbox_background_color": ground,
        "checkbox_background_color_selected": accent,
        "checkbox_border_color": line,
        "checkbox_border_color_selected": accent,
        "checkbox_border_color_focus": accent,
        "checkbox_label_background_fill": ground,
        "checkbox_label_background_fill_hover": raised,
        "checkbox_label_background_fill_selected": ground,
        "checkbox_label_border_color": line,
        "checkbox_label_border_color_selected": accent,
        "checkbox_label_text_color": ink,
        "checkbox_label_text_color_selected": ink,
        "button_primary_background_fill": accent,
        "button_primary_background_fill_hover": accent,
        "button_primary_border_color": accent,
        "button_primary_text_color": ground,
        "button_secondary_background_fill": ground,
        "button_secondary_background_fill_hover": raised,
        "button_secondary_border_color": line,
        "button_secondary_text_color": ink,
    }
    # what has no value of its own for dark takes the one for light
    both = {name + dark: v for name, v in colours.items() for dark in ("", "_dark") if hasattr(base, name + dark)}
    flat = {
        "block_border_width": "0px",
        "block_padding": "0px",
        "block_shadow": "none",
        "block_radius": "3px",
        "input_border_width": "1px",
        "input_radius": "3px",
        "input_shadow": "none",
        "input_shadow_focus": "none",
        "input_padding": "8px 12px",
        "button_primary_shadow": "none",
        "button_secondary_shadow": "none",
        "button_large_radius": "3px",
        "button_medium_radius": "3px",
        "button_large_text_weight": "400",
        "button_medium_text_weight": "400",
        "block_title_text_weight": "700",
        "block_title_text_size": "15px",
        "block_info_text_size": "14px",
        "checkbox_label_border_width": "1px",
        "checkbox_label_shadow": "none",
        "checkbox_shadow": "none",
        "form_gap_width": "0px",
        "layout_gap": "0px",
    }
    return base.set(**both, **flat)
