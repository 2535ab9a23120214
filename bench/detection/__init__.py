"""Genotypes as SSD backbones in MMDetection, trained by mmengine's Runner and scored by COCO's metrics."""
